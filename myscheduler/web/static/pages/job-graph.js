// What runs after what around a job, as it is declared at present.

import { get } from "../core/api.js";
import { jobUrl } from "../core/config.js";
import { h } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { follow } from "../core/live.js";
import { jobLink, panel, scrollable } from "../core/parts.js";
import { Graph } from "../plots/graph.js";
import { edgeLegend } from "../plots/graph-edges.js";
import { canBeDrawn, MOST_DRAWN } from "./chain-run.js";

/**
 * @typedef {{jobs: {job_id: string, name: string, join: string | null}[],
 *   edges: {from: string, to: string, on: "success" | "failure" | "always"}[], jobs_left_out: number}} Declared
 */

/** @param {import("../core/router.js").Visit} visit */
export async function open({ params, signal }) {
  const read = () => get(`/jobs/${encodeURIComponent(params.id)}/graph`, {}, signal);
  /** @type {Declared} */
  let declared = await read();
  const name = declared.jobs.find((one) => one.job_id === params.id)?.name || params.id;
  const graph = new Graph(t("chain.declared", { job: name }));
  const rows = h("tbody");
  const rest = h("p", { class: "detail" });
  const names = [t("jobs.name"), t("chain.after-head")];
  const table = h("table", { class: "chain-jobs" }, h("thead", null, h("tr", null, names.map((one) => h("th", { scope: "col" }, one)))), rows);
  const show = () => {
    const { nodes, edges } = pictured(declared, params.id);
    if (canBeDrawn(nodes, edges)) graph.show(nodes, edges);
    rest.textContent = declared.jobs_left_out ? t("chain.jobs-left-out", { count: number(declared.jobs_left_out) }) : "";
    rows.replaceChildren(...declared.jobs.map((one) => h("tr", null, h("td", { class: "of" }, jobLink(one.job_id, one.name)), h("td", { class: "after" }, afterOf(declared, one) || "–"))));
  };
  const changed = async (/** @type {import("../core/live.js").Change} */ change) => {
    if (!change.all && !change.source && !declared.jobs.some((one) => change.jobs.has(one.job_id))) return;
    const before = JSON.stringify(declared);
    declared = await read().catch(() => declared);
    if (!signal.aborted && JSON.stringify(declared) !== before) show();
  };
  const isDrawn = canBeDrawn(declared.jobs, declared.edges);
  const node = h(
    "div",
    { class: "page" },
    h("div", { class: "bar" }, h("h1", null, t("chain.declared", { job: name })), h("span", { class: "buttons" }, h("a", { class: "button", href: jobUrl(params.id) }, t("chain.job-page")))),
    panel(t("job-chain.graph"), isDrawn ? [graph.node, edgeLegend(false)] : h("p", { class: "none" }, t("chain.too-many", MOST_DRAWN)), { more: rest }),
    panel(t("chain.jobs"), scrollable(t("chain.jobs"), table)),
  );
  show();
  follow("change", changed, signal);
  return { node, title: t("chain.declared-title", { job: name }) };
}

/**
 * @param {Declared} declared
 * @param {string} here the job that was asked for
 */
function pictured(declared, here) {
  const nodes = declared.jobs.map((one) => ({
    id: one.job_id, name: one.name, state: "", ...idBelow(one),
    label: [one.name, afterOf(declared, one)].filter(Boolean).join(". "), href: jobUrl(one.job_id), isAny: one.join === "any",
    isCritical: one.job_id === here,
  }));
  return { nodes, edges: declared.edges.map((edge) => ({ ...edge, state: /** @type {const} */ ("declared"), isCritical: false })) };
}

/** @param {Declared["jobs"][0]} job */
function idBelow({ job_id: id, name }) {
  const words = name === id ? "" : id;
  return { words, room: words };
}

/**
 * @param {Declared} declared
 * @param {Declared["jobs"][0]} job
 */
function afterOf({ jobs, edges }, { job_id: id, join }) {
  const nameOf = new Map(jobs.map((one) => [one.job_id, one.name]));
  const parts = edges.filter((edge) => edge.to === id).map((edge) => `${nameOf.get(edge.from)} (${coded("graph.on", edge.on)})`);
  return parts.length ? `${t(join === "any" ? "chain.after-any" : "chain.after")} ${parts.join(t("chain.and"))}` : "";
}
