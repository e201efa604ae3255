// One run of a chain: what ran after what, what became of it, and what took the time.

import { get, Problem } from "../core/api.js";
import { chainUrl, ZONE } from "../core/config.js";
import { h, patched, refill, setText } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { follow } from "../core/live.js";
import { executionLink, facts, jobLink, panel, scrollable } from "../core/parts.js";
import { badge, setBadge } from "../core/status.js";
import { duration, now, timeNode } from "../core/times.js";
import { Gantt } from "../plots/gantt.js";
import { Graph } from "../plots/graph.js";
import { edgeLegend } from "../plots/graph-edges.js";
import { chainButtons } from "./chain-acts.js";
import { afterOf, canBeDrawn, MOST_DRAWN, pathOf, pictured, readyAt, stateOf, timed } from "./chain-run.js";

/** @typedef {import("./chain-run.js").Chain} Chain */
/** @typedef {import("./chain-run.js").Names} Names */

const EVERY_MS = 1_000;

/** @param {import("../core/router.js").Visit} visit */
export async function open({ params, signal }) {
  const page = new ChainPage(params.id, signal);
  await page.start();
  return { node: page.node, title: page.title };
}

class ChainPage {
  /** @type {Chain} */
  chain = /** @type {any} */ (null);
  /** @type {Names} */
  names = new Map();
  zone = ZONE;
  #isReading = false;
  #isStale = false;
  #shown = "";

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   */
  constructor(id, signal) {
    this.path = `/chains/${encodeURIComponent(id)}`;
    this.signal = signal;
    this.state = h("span");
    this.acts = h("span", { class: "buttons" });
    this.facts = h("div");
    this.remarks = h("ul", { class: "remarks" });
    this.critical = h("p", { class: "critical-path" });
    this.rows = h("tbody");
    this.node = h("div", { class: "page" });
  }

  get title() {
    const { root } = this.chain;
    return t("chain.title", { job: root ? (this.names.get(root) ?? root) : t("chain.no-root") });
  }

  async start() {
    this.chain = await get(this.path, {}, this.signal);
    await this.#readNames();
    const { root } = this.chain;
    this.graph = new Graph(t("chain.graph"));
    this.gantt = new Gantt(this.#timed());
    const isDrawn = canBeDrawn(this.chain.nodes, this.chain.edges);
    this.node.append(
      h("div", { class: "bar" }, h("h1", null, root ? [t("chain.of"), " ", jobLink(root, this.names.get(root))] : t("chain.no-root")), this.state, this.acts),
      this.remarks,
      panel(t("chain.what"), this.facts),
      panel(t("chain.graph"), isDrawn ? [this.graph.node, edgeLegend(true)] : h("p", { class: "none" }, t("chain.too-many", MOST_DRAWN))),
      panel(t("chain.when"), [this.critical, this.gantt.node]),
      panel(t("chain.jobs"), scrollable(t("chain.jobs"), h("table", { class: "chain-jobs of-run" }, tableHead(), this.rows))),
    );
    this.#show();
    follow("change", (change) => this.#changes(change), this.signal);
    const timer = setInterval(() => this.#tick(), EVERY_MS);
    this.signal.addEventListener("abort", () => clearInterval(timer));
  }

  /** Names and the zone are those of the job that it began with, and of what is connected with it now; ids will do. */
  async #readNames() {
    const id = this.chain.root ?? this.chain.nodes[0]?.job_id;
    if (!id) return;
    const found = await get(`/jobs/${encodeURIComponent(id)}/graph`, {}, this.signal).catch(orNothing);
    this.names = new Map((found?.jobs ?? []).map((/** @type {any} */ one) => [one.job_id, one.name]));
  }

  /** @param {import("../core/live.js").Change} change */
  async #changes(change) {
    if (!change.all && !this.chain.nodes.some((one) => change.jobs.has(one.job_id) || change.executions.has(one.execution_id ?? ""))) return;
    this.#isStale = true;
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#isStale && !this.signal.aborted) {
      this.#isStale = false;
      this.chain = await get(this.path, {}, this.signal).catch(() => this.chain);
    }
    this.#isReading = false;
    if (!this.signal.aborted) this.#show();
  }

  #tick() {
    if (document.hidden || this.chain.status !== "running") return;
    this.gantt?.show(this.#timed());
    this.#showPath();
  }

  #timed() {
    return timed(this.chain, this.names, now(), this.zone);
  }

  #show() {
    const { chain, names } = this;
    const text = JSON.stringify(chain);
    if (text === this.#shown) return;
    this.#shown = text;
    if (this.state.firstElementChild) setBadge(this.state.firstElementChild, chain.status);
    else this.state.append(badge(chain.status));
    refill(this.acts, chainButtons(chain, names));
    refill(this.facts, facts(factsOf(chain, this.zone)));
    refill(this.remarks, remarks(chain));
    if (canBeDrawn(chain.nodes, chain.edges)) {
      const { nodes, edges } = pictured(chain, names);
      this.graph?.show(nodes, edges);
    }
    this.gantt?.show(this.#timed());
    this.#showPath();
    const path = new Set(chain.critical_path);
    const rows = chain.nodes.map((node) => ({ node, after: afterOf(node, chain, names), ready: readyAt(node, chain), isCritical: path.has(node.job_id) }));
    patched(this.rows, rows, (row) => row.node.job_id, (row) => tableRow(row, names, this.zone));
  }

  #showPath() {
    const { critical_path: path, status } = this.chain;
    if (!path.length) return setText(this.critical, t("chain.nothing-ran"));
    const { whole, ran, waited } = pathOf(this.chain, now());
    const jobs = path.map((one) => this.names.get(one) ?? one).join(" → ");
    const times = { whole: duration(whole), ran: duration(ran), waited: duration(waited) };
    setText(this.critical, t(status === "running" ? "chain.path-so-far" : "chain.path", { jobs, ...times }));
  }
}

/**
 * What is nice to have: the page is there without it.
 * @param {unknown} error
 */
function orNothing(error) {
  if (error instanceof Problem) return null;
  throw error;
}

/**
 * @param {Chain} chain
 * @param {string} zone
 * @returns {[string, import("../core/dom.js").Child][]}
 */
function factsOf(chain, zone) {
  const { started_at: started, ended_at: ended, times_out_at: timesOut, upstream_chain_id: upstream, counts } = chain;
  const notReached = chain.nodes.filter((one) => one.status === "not-reached").length;
  const count = [...Object.entries(counts), ...(notReached ? [["not-reached", notReached]] : [])];
  return [
    [t("ledger.slot"), timeNode(chain.scheduled_at, zone)],
    [t("chain.started"), started && timeNode(started, zone)],
    [t("chain.ended"), ended && timeNode(ended, zone)],
    [t("ledger.took"), started && ended && duration(Date.parse(ended) - Date.parse(started))],
    [t("chain.times-out"), timesOut && timeNode(timesOut, zone)],
    [t("chain.counts"), count.map(([state, many]) => `${coded("state", String(state))} ${number(Number(many))}`).join(" · ")],
    [t("chain.id"), h("code", null, chain.chain_id)],
    [t("chain.repeats"), upstream && h("a", { href: chainUrl(upstream) }, h("code", null, upstream))],
  ].map(([name, value]) => [/** @type {string} */ (name), value || null]);
}

/** @param {Chain} chain */
function remarks({ upstream_chain_id: upstream, nodes_left_out: leftOut, edges }) {
  const lines = [
    upstream && [t("chain.repeats-text"), " ", h("a", { href: chainUrl(upstream) }, t("chain.repeats-link"))],
    leftOut > 0 && t("chain.left-out", { count: number(leftOut) }),
    edges.some((edge) => edge.on === null) && t("chain.gone-edges"),
  ];
  return lines.filter(Boolean).map((line) => h("li", null, line));
}

function tableHead() {
  const head = (/** @type {string} */ name, /** @type {string | null} */ kind = null) => h("th", { scope: "col", class: kind }, name);
  const first = [t("jobs.name"), t("jobs.state"), t("chain.after-head"), t("chain.started")].map((one) => head(one));
  return h("thead", null, h("tr", null, first, head(t("chain.waited"), "number"), head(t("ledger.took"), "number"), head(t("execution.why"))));
}

/**
 * @param {{node: import("./chain-run.js").Node, after: string, ready: number | null, isCritical: boolean}} row
 * @param {Names} names
 * @param {string} zone
 */
function tableRow({ node, after, ready, isCritical }, names, zone) {
  const { job_id: id, status, execution_id: execution, started_at: started, execution_time_ms: took, reason, attempts } = node;
  const waited = ready !== null && started ? duration(Math.max(0, Date.parse(started) - ready)) : "–";
  const state = badge(stateOf(status));
  const why = [reason && coded("reason", reason), attempts > 1 && t("ledger.attempts", { count: attempts })];
  return h(
    "tr",
    { class: isCritical ? "critical" : null },
    h("td", { class: "of" }, jobLink(id, names.get(id)), isCritical && h("span", { class: "on-path", title: t("chain.critical") }, " ◆", h("span", { class: "unseen" }, t("chain.critical")))),
    h("td", null, execution ? executionLink(execution, state) : state),
    h("td", { class: "after" }, after || "–"),
    h("td", null, started ? timeNode(started, zone) : "–"),
    h("td", { class: "number" }, waited),
    h("td", { class: "number" }, took === null ? "–" : duration(took)),
    h("td", null, why.filter(Boolean).join(" · ")),
  );
}
