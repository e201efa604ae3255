// Is Git applied, and what is broken? The last pass over the folder of the manifests, its problems, and what waits.

import { act, get, Problem } from "../core/api.js";
import { ZONE } from "../core/config.js";
import { explain, notice } from "../core/dialogs.js";
import { fill, h, keyed, patched, setText } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { follow, live } from "../core/live.js";
import { actButton, facts, jobLink, panel, scrollable, shortRevision } from "../core/parts.js";
import { loadMessages, loadProblems, said } from "../core/said.js";
import { refusal } from "../core/session.js";
import { badge } from "../core/status.js";
import { timeNode } from "../core/times.js";
import { SourceFiles } from "./source-files.js";

/** How often the jobs that drift are read again while jobs change, in milliseconds. */
const DRIFT_EVERY = 10_000;
/** Reasons whose message has more than their words: a path, or what the database said. */
const SPECIFIC = new Set(["SourceUnavailable", "StoreUnavailable", "InternalError"]);
const DONE = /** @type {const} */ (["created", "updated", "deleted", "held"]);

/** @param {import("../core/router.js").Visit} visit */
export async function open({ query, signal }) {
  await loadMessages("source");
  const page = new SourcePage(query, signal);
  await page.load();
  page.follow();
  return { node: page.node, title: t("nav.source"), queryChanged: (/** @type {URLSearchParams} */ next) => page.files.queryChanged(next) };
}

class SourcePage {
  #readAt = 0;
  #blocked = "";

  /**
   * @param {URLSearchParams} query
   * @param {AbortSignal} signal
   */
  constructor(query, signal) {
    this.signal = signal;
    this.files = new SourceFiles(query, signal);
    this.condition = h("span");
    this.sync = actButton(t("sync.now"), () => this.syncNow(), refusal("run_sync"), "primary");
    this.state = h("div");
    this.blocked = h("div", { hidden: true });
    this.done = h("ul", { class: "lines" });
    this.drift = h("ul", { class: "lines" });
    this.history = h("tbody");
    this.noHistory = h("p", { class: "none" }, t("sync.no-history"));
    this.historyTable = historyTable(this.history);
    this.node = h(
      "div",
      { class: "page source" },
      h("div", { class: "bar" }, h("h1", null, t("nav.source")), this.condition, h("span", { class: "buttons" }, this.sync)),
      this.blocked,
      h("div", { class: "columns two" }, panel(t("sync.state"), this.state), panel(t("sync.done"), this.done)),
      this.files.node,
      panel(t("sync.drift"), this.drift, { more: h("small", null, t("sync.drift-what")) }),
      panel(t("sync.history"), [this.historyTable, this.noHistory]),
    );
  }

  async load() {
    const [state, { files }] = await Promise.all([get("/sync", {}, this.signal), get("/sync/files", {}, this.signal)]);
    await loadProblems([...state.problems, ...files.flatMap((/** @type {any} */ one) => one.problems)]);
    this.show(state);
    this.files.show(files, state);
    this.#readAt = Date.now();
  }

  follow() {
    follow("change", (change) => {
      const isDue = change.jobs.size > 0 && Date.now() - this.#readAt > DRIFT_EVERY;
      if (change.source || change.all) this.load().catch(quietly);
      else if (isDue) this.#readState().catch(quietly);
    }, this.signal);
  }

  async #readState() {
    this.#readAt = Date.now();
    this.show(await get("/sync", {}, this.signal));
  }

  /** @param {any} state the answer of /sync */
  show(state) {
    fill(this.condition, badge(state.condition, coded("source", state.condition)));
    fill(this.state, stateOf(state));
    this.#showBlocked(state.blocked_deletion, SPECIFIC.has(state.reason)).catch(() => (this.#blocked = "")); // with the next state
    keyed(this.done, doneBy(state), (one) => one.kind, doneLine, updateDone);
    lines(this.drift, state.drift ?? [], (one) => one.job_id, driftLine, t(state.drift ? "sync.no-drift" : "now.database-bad"));
    const hasHistory = (state.history ?? []).length > 0;
    this.historyTable.hidden = !hasHistory;
    this.noHistory.hidden = hasHistory;
    patched(this.history, state.history ?? [], (one) => `${one.revision} ${one.first_at}`, passedRow);
  }

  /**
   * The panel stays as it is while it is about the same deletion.
   * @param {any} deletion
   * @param {boolean} isOld whether an earlier pass found it, since the last one was broken off
   */
  async #showBlocked(deletion, isOld) {
    const version = deletion ? `${deletion.digest} ${isOld}` : "";
    this.blocked.hidden = !deletion;
    if (this.#blocked === version) return;
    this.#blocked = version;
    if (!deletion) return fill(this.blocked);
    const { blockedDeletion } = await import("./source-deletion.js");
    if (this.#blocked === version) fill(this.blocked, blockedDeletion(deletion, isOld, (state) => this.#came(state)));
  }

  /** @param {any} state the answer to an act */
  #came(state) {
    this.show(state);
    this.load().catch(quietly);
    live.soon();
  }

  async syncNow() {
    if (this.sync.ariaBusy === "true") return;
    this.sync.ariaBusy = "true";
    try {
      const state = await act("/sync", {});
      this.#came(state);
      notice(coded("sync-reason", state.reason, state.message), { bad: state.condition === "Stalled" });
    } catch (error) {
      notice(explain(error), { bad: true });
    }
    this.sync.ariaBusy = "false";
  }
}

/**
 * What follows a change may fail: the surroundings say that the service can't be reached.
 * @param {unknown} error
 */
function quietly(error) {
  if (!(error instanceof Problem) && !(error instanceof DOMException)) throw error;
}

/** @param {any} state */
function stateOf(state) {
  const words = coded("sync-reason", state.reason, state.message);
  const conditions = state.conditions.map((/** @type {any} */ one) => h("li", null, `${coded("condition", one.type)}: ${t(one.status ? "sync.yes" : "sync.no")}`));
  return h(
    "div",
    null,
    h("p", null, words),
    SPECIFIC.has(state.reason) && h("p", { class: "detail" }, said(state.message_coded, state.message)),
    h("ul", { class: "conditions" }, conditions),
    facts([
      [t("sync.since"), state.conditions[0]?.since && timeNode(state.conditions[0].since)],
      [t("sync.attempted"), revision(state.last_attempted_revision, state.last_attempted_at)],
      [t("sync.applied"), revision(state.last_applied_revision, state.last_applied_at)],
      [t("sync.folder"), h("code", null, state.source)],
    ]),
  );
}

/**
 * @param {string | null} name
 * @param {string | null} at
 */
function revision(name, at) {
  if (!name) return h("span", { class: "none" }, "–");
  return h("span", null, h("code", { title: name }, shortRevision(name)), h("br"), timeNode(at));
}

/**
 * What the last pass did, and what it left alone.
 * @param {any} state
 * @returns {{kind: string, count: number, ids: string[]}[]}
 */
function doneBy(state) {
  const done = DONE.map((kind) => ({ kind, count: state.counts[kind], ids: state[kind] }));
  return [...done, { kind: "unchanged", count: state.unchanged, ids: [] }];
}

/** @param {{kind: string, count: number, ids: string[]}} one */
function doneLine(one) {
  const node = h("li", null, h("details", null, h("summary"), h("div", { class: "names" })), h("span"));
  updateDone(node, one);
  return node;
}

/**
 * @param {Element} node
 * @param {{kind: string, count: number, ids: string[]}} one
 */
function updateDone(node, { kind, count, ids }) {
  const [details, alone] = /** @type {[HTMLDetailsElement, HTMLElement]} */ (/** @type {unknown} */ ([...node.children]));
  const text = `${coded("sync-done", kind)}: ${number(count)}`;
  details.hidden = ids.length === 0;
  alone.hidden = ids.length > 0;
  setText(/** @type {Element} */ (details.firstElementChild), text);
  setText(alone, text);
  const names = /** @type {Element} */ (details.lastElementChild);
  const rest = ids.length ? count - ids.length : 0;
  const items = [...ids.map((id) => ({ id, rest: 0 })), ...(rest > 0 ? [{ id: "", rest }] : [])];
  keyed(names, items, (one) => `${one.id} ${one.rest}`, (one) => h("span", null, one.id ? jobLink(one.id) : t("bulk.more", { count: number(one.rest) }), " "));
}

/**
 * @template Item
 * @param {HTMLElement} list
 * @param {Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => Element} make
 * @param {string} nothing
 */
function lines(list, items, keyOf, make, nothing) {
  list.classList.toggle("nothing", items.length === 0);
  if (items.length) return patched(list, items, keyOf, make);
  fill(list, h("li", null, nothing));
}

/** @param {any} one a job that an operator paused */
function driftLine(one) {
  const { pause, source } = one;
  return h(
    "li",
    null,
    h("span", { class: "row" }, badge(one.overruled ? "scheduled" : "paused", one.overruled ? t("sync.overruled") : undefined), jobLink(one.job_id), source && h("code", null, `${source.file}:${source.line}`)),
    h("p", { class: "detail" }, pause.by, " · ", timeNode(pause.at), pause.reason && ` · ${pause.reason}`, pause.until && [" · ", t("pause.until"), " ", timeNode(pause.until)]),
    one.overruled && h("p", { class: "detail" }, t("sync.overruled-why")),
  );
}

/** @param {HTMLElement} body */
function historyTable(body) {
  const titles = [t("now.revision"), t("sync.seen"), t("attempts.result"), ...[...DONE, "blocked", "problems"].map((one) => coded("sync-done", one))];
  const isNumber = (/** @type {number} */ i) => (i > 2 ? "number" : null);
  const head = h("thead", null, h("tr", null, titles.map((one, i) => h("th", { scope: "col", class: isNumber(i) }, one))));
  return scrollable(t("sync.history"), h("table", null, head, body));
}

/** @param {any} one a revision with its result */
function passedRow(one) {
  const isWhole = one.reason === "Applied";
  const counts = [...DONE, "blocked", "problems"].map((kind) => h("td", { class: "number" }, number(one[kind])));
  return h(
    "tr",
    null,
    h("td", null, h("code", { title: one.revision }, shortRevision(one.revision))),
    h("td", null, timeNode(one.first_at, ZONE)),
    h("td", null, badge(isWhole ? "applied" : "partial", coded("sync-result", one.reason))),
    counts,
  );
}
