// The history of a job: what ran and how, and what did not run and why. New rows wait for a click, so that nothing moves.

import { get, Problem } from "../core/api.js";
import { isDay } from "../core/days.js";
import { explain } from "../core/dialogs.js";
import { fill, h, keyed } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { empty, panel } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { day, dayEdges, exact, wallTime } from "../core/times.js";
import { ledgerHead, ledgerRow } from "./ledger.js";

/** @typedef {import("./ledger.js").Execution} Execution */

const PAGE = 25;
/** A page may be short where few rows match; then the next one is read as well, up to so many. */
const MOST_PAGES = 5;
const STATUSES = /** @type {const} */ (["completed", "failed", "interrupted", "skipped", "missed", "running"]);

export class Ledger {
  day = "";
  status = "";
  /** @type {Execution[]} the newest first */
  #rows = [];
  /** @type {Execution[]} rows that are not shown yet */
  #newer = [];
  /** @type {string | null} */
  #cursor = null;
  #filter = "";
  /** @type {AbortController | null} */
  #reading = null;

  /**
   * @param {string} id
   * @param {string} zone
   * @param {AbortSignal} signal
   */
  constructor(id, zone, signal) {
    this.id = id;
    this.zone = zone;
    this.signal = signal;
    const options = ["", ...STATUSES].map((one) => h("option", { value: one }, one ? coded("state", one) : t("jobs.all-states")));
    this.select = h("select", { onchange: () => setQuery({ status: this.select.value }) }, options);
    this.chip = h("button", { class: "chip on", hidden: true, onclick: () => setQuery({ day: null }) });
    this.fresh = h("button", { class: "newer", hidden: true, onclick: () => this.#showNewer() });
    this.body = h("tbody", { role: "rowgroup" });
    this.table = h("table", { class: "ledger", role: "table", "aria-label": t("ledger.title") }, ledgerHead({ hasJob: false }), this.body);
    this.nothing = h("div", { role: "status" });
    this.older = h("button", { hidden: true, onclick: () => this.#readOlder() }, t("ledger.older"));
    const choice = h("label", { class: "choice" }, h("span", null, t("jobs.state")), this.select);
    const controls = h("div", { class: "bar" }, this.chip, this.fresh, choice);
    this.node = panel(t("ledger.title"), [this.table, this.nothing, this.older], { more: controls, class: "history" });
  }

  /** @param {URLSearchParams} query */
  show(query) {
    const chosen = query.get("day") ?? "";
    this.day = isDay(chosen) ? chosen : "";
    this.status = STATUSES.find((one) => one === query.get("status")) ?? "";
    this.select.value = this.status;
    this.chip.hidden = !this.day;
    if (this.day) fill(this.chip, `${day(`${this.day}T12:00Z`, "UTC")} ×`);
    const filter = `${this.day} ${this.status}`;
    if (filter !== this.#filter) this.#load().catch((error) => this.#fail(error));
    this.#filter = filter;
  }

  /** @param {string | null} cursor */
  async #page(cursor) {
    const signal = AbortSignal.any([this.signal, (this.#reading ??= new AbortController()).signal]);
    const [from, until] = this.day ? dayEdges(this.day, this.zone) : [];
    /** @type {Execution[]} */
    const rows = [];
    let next = cursor;
    for (let i = 0; i < MOST_PAGES; i++) {
      const found = await get("/executions", { job_id: this.id, status: this.status, from, until, limit: PAGE, cursor: next }, signal);
      rows.push(...found.executions);
      next = found.next_cursor;
      if (!next || rows.length >= PAGE) break;
    }
    return { rows, next };
  }

  async #load() {
    this.#reading?.abort();
    this.#reading = null;
    const { rows, next } = await this.#page(null);
    this.#rows = rows;
    this.#newer = [];
    this.#cursor = next;
    this.#draw();
  }

  /** Reads what is new, and how rows that are shown have ended. */
  refresh() {
    this.#page(null).then(({ rows }) => this.#take(rows)).catch((error) => this.#fail(error));
  }

  /** @param {Execution[]} found the newest page */
  #take(found) {
    const known = new Map(this.#rows.map((row, i) => [row.execution_id, i]));
    for (const row of found) {
      const place = known.get(row.execution_id);
      if (place !== undefined) this.#rows[place] = row;
    }
    const fresh = found.filter((row) => !known.has(row.execution_id));
    const newest = this.#rows[0]?.scheduled_at;
    this.#newer = fresh.filter((row) => !newest || Date.parse(row.scheduled_at) >= Date.parse(newest));
    if (this.#rows.length) this.#draw();
    else this.#showNewer();
  }

  #showNewer() {
    if (this.#newer.length >= PAGE) {
      this.#load().catch((error) => this.#fail(error));
      return;
    }
    this.#rows = [...this.#newer, ...this.#rows];
    this.#newer = [];
    this.#draw();
  }

  async #readOlder() {
    try {
      const { rows, next } = await this.#page(this.#cursor);
      this.#rows.push(...rows);
      this.#cursor = next;
      this.#draw();
    } catch (error) {
      this.#fail(error);
    }
  }

  #draw() {
    keyed(this.body, this.#rows, (row) => row.execution_id, (row) => this.#make(row), (node, row) => this.#update(node, row));
    const count = this.#newer.length;
    this.fresh.hidden = !count;
    if (count) fill(this.fresh, count >= PAGE ? t("ledger.many-newer", { count: number(PAGE - 1) }) : t("ledger.newer", { count: number(count) }));
    this.older.hidden = !this.#cursor;
    this.table.hidden = !this.#rows.length;
    fill(this.nothing, !this.#rows.length && this.#empty());
  }

  #empty() {
    if (!this.#filter.trim()) return empty(t("ledger.empty"), t("ledger.empty-text"));
    const clear = h("button", { onclick: () => setQuery({ day: null, status: null }) }, t("action.clear"));
    return empty(t("ledger.no-match"), clear);
  }

  /** @param {unknown} error */
  #fail(error) {
    if (/** @type {Error} */ (error).name === "AbortError") return;
    if (!(error instanceof Problem)) throw error;
    if (error.isOutage && this.#rows.length) return; // the banner says it
    fill(this.nothing, h("p", { class: "failure" }, explain(error)));
  }

  /** @param {Execution} row */
  #make(row) {
    const isUnrun = row.status === "skipped" || row.status === "missed";
    const time = exact(row.scheduled_at, this.zone);
    const ask = () => setQuery({ why: wallTime(Date.parse(row.scheduled_at), this.zone) });
    const more = isUnrun && h("button", { class: "link", "aria-label": t("ledger.why-at", { time }), onclick: ask }, t("ledger.why"));
    const node = ledgerRow(row, { hasJob: false, zone: this.zone, more });
    drawn.set(node, JSON.stringify(row));
    return node;
  }

  /**
   * Where a row has changed, its cells are those of a new one; the first one stays, since it may have the focus.
   * @param {Element} node
   * @param {Execution} row
   */
  #update(node, row) {
    if (drawn.get(node) === JSON.stringify(row)) return;
    drawn.set(node, JSON.stringify(row));
    const [slot, ...fresh] = this.#make(row).children;
    const [present, ...others] = node.children;
    if (!present.contains(document.activeElement)) present.replaceWith(slot);
    fresh.forEach((cell, i) => others[i].replaceWith(cell));
  }
}

/** What each row of the table shows. @type {WeakMap<Element, string>} */
const drawn = new WeakMap();
