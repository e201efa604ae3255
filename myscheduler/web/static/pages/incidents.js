// What is in trouble, and who takes care? The newest trouble first, with filters in the URL.

import { get } from "../core/api.js";
import { incidentUrl, pageUrl } from "../core/config.js";
import { h } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { empty } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { said } from "../core/said.js";
import { badge } from "../core/status.js";
import { timeNode } from "../core/times.js";
import { care, subjectLink } from "./incident-care.js";
import { NewestFirst } from "./newest-first.js";

/** @typedef {import("./incident-care.js").Incident} Incident */

/** What the API is asked for, by the state in the URL; the first without one. */
const STATES = /** @type {Record<string, Record<string, boolean>>} */ ({
  open: { open: true }, unacknowledged: { open: true, acknowledged: false }, acknowledged: { open: true, acknowledged: true },
  over: { open: false }, all: {},
});
/** Of the rows that are not among the newest ones that match, the most of which it is asked how they are now. */
const MOST_LEFT = 50;
const KINDS = /** @type {const} */ (["failing", "late", "circuit", "certificate"]);

/** @param {import("../core/router.js").Visit} visit */
export function open(visit) {
  const controls = new Controls();
  /** @type {NewestFirst<Incident>} */
  const list = new NewestFirst({
    title: t("nav.incidents"), kind: "ledger incidents", head: tableHead(), controls: controls.nodes,
    showControls: (query) => controls.show(query),
    read: async (query, page) => {
      const found = await get("/incidents", { ...filterOf(query), ...page }, visit.signal);
      return { items: found.incidents, next: found.next_cursor };
    },
    keyOf: (one) => one.incident_id, make: row,
    nothing: () => empty(t("incidents.empty"), t("incidents.empty-text"), " ", h("a", { href: pageUrl("/incidents", { state: "over" }) }, t("incidents.over"))),
    isAffected: () => true, // changes do not name targets and hosts
    refresh: (rows, found) => refresh(rows, found, visit.signal),
  }, visit);
  return list.opened();
}

class Controls {
  constructor() {
    this.job = h("input", { type: "search", placeholder: t("ledger.job"), "aria-label": t("ledger.job"), spellcheck: "false", onchange: () => setQuery({ job: this.job.value.trim() }) });
    const states = Object.keys(STATES).map((one, i) => h("option", { value: i ? one : "" }, coded("incident-state", one)));
    const kinds = KINDS.map((one) => h("option", { value: one }, coded("state", one)));
    this.state = h("select", { onchange: () => setQuery({ state: this.state.value }) }, states);
    this.kind = h("select", { onchange: () => setQuery({ kind: this.kind.value }) }, h("option", { value: "" }, t("incidents.all-kinds")), kinds);
    this.nodes = [this.job, choice(t("jobs.state"), this.state), choice(t("ledger.kind"), this.kind)];
  }

  /** @param {URLSearchParams} query */
  show(query) {
    const value = (/** @type {string} */ name) => query.get(name) ?? "";
    this.job.value = value("job");
    this.state.value = value("state") in STATES && value("state") !== "open" ? value("state") : "";
    this.kind.value = value("kind");
  }
}

/**
 * @param {string} label
 * @param {HTMLElement} control
 */
function choice(label, control) {
  return h("label", { class: "choice" }, h("span", null, label), control);
}

/**
 * The parameters of the API.
 * @param {URLSearchParams} query
 */
function filterOf(query) {
  return { ...(STATES[query.get("state") ?? ""] ?? STATES.open), kind: query.get("kind"), job_id: query.get("job"), label: query.getAll("label") };
}

function tableHead() {
  const titles = [t("incidents.since"), t("jobs.name"), t("jobs.state"), t("incidents.failures"), t("execution.error"), t("incidents.care")];
  return h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, titles.map((one, i) => h("th", { scope: "col", role: "columnheader", class: i === 3 ? "number" : null }, one))));
}

/** @param {Incident} one */
function row(one) {
  const cell = (/** @type {string} */ name, /** @type {import("../core/dom.js").Child[]} */ ...content) => h("td", { class: name, role: "cell" }, content);
  const node = h(
    "tr",
    { role: "row", "data-job": one.job_id },
    cell("slot", h("a", { href: incidentUrl(one.incident_id) }, timeNode(one.began_at))),
    cell("of", subjectLink(one)),
    cell("state", one.open ? badge(one.kind) : badge("over", coded("incident-end", one.end_reason))),
    cell("number took", one.failures ? `× ${number(one.failures)}` : "–"),
    cell("what", one.expires_at ? [t("incident.expires"), " ", timeNode(one.expires_at)] : said(one.error_message_coded, one.error_message)),
    cell("care", one.open ? care(one) : one.acknowledged?.by),
  );
  madeFrom.set(node, JSON.stringify(one));
  return node;
}

/** What rows were made from. @type {WeakMap<Element, string>} */
const madeFrom = new WeakMap();

/**
 * Rows show how their incidents are now, except one that has the focus. One that does not match any more, such as an open
 * one that is over, stays until the list is read again, so that nothing moves.
 * @param {Element[]} rows
 * @param {Incident[]} found the newest ones that match
 * @param {AbortSignal} signal
 */
async function refresh(rows, found, signal) {
  const current = new Map(found.map((one) => [one.incident_id, one]));
  const left = rows.filter((node) => !current.has(keyOf(node))).slice(0, MOST_LEFT);
  if (left.length) {
    const jobs = [...new Set(left.map((node) => node.getAttribute("data-job") ?? "").filter(Boolean))];
    const others = left.filter((node) => !node.hasAttribute("data-job"));
    const reads = others.map((node) => get(`/incidents/${encodeURIComponent(keyOf(node))}`, {}, signal).catch(() => null));
    const { incidents } = jobs.length ? await get("/incidents", { job_id: jobs }, signal).catch(() => ({ incidents: [] })) : { incidents: [] };
    for (const one of [...incidents, ...await Promise.all(reads)]) if (one) current.set(one.incident_id, one);
  }
  for (const node of rows) {
    const one = current.get(keyOf(node));
    if (!one || node.contains(document.activeElement) || madeFrom.get(node) === JSON.stringify(one)) continue;
    const next = row(one);
    next.dataset.key = one.incident_id;
    node.replaceWith(next);
  }
}

/** @param {Element} node of a row */
function keyOf(node) {
  return node.getAttribute("data-key") ?? "";
}
