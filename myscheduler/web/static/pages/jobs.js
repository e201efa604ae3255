// Which jobs need me? All jobs, with a filter that needs no request, and acts on many of them at once.

import { ZONE } from "../core/config.js";
import { fill, h, keyed, set, setText } from "../core/dom.js";
import { LANGUAGE, number, schedule, t } from "../core/language.js";
import { follow, live } from "../core/live.js";
import { empty, firstSteps, jobLink } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { badge, jobState, setBadge } from "../core/status.js";
import { timeNode } from "../core/times.js";
import { VirtualList } from "../core/virtual.js";
import { strip } from "../plots/strip.js";
import { BulkBar } from "./bulk.js";
import { JobRows } from "./job-rows.js";

/** @typedef {import("./job-rows.js").Row} Row */

const STATES = /** @type {const} */ (["failing", "held", "running", "paused", "scheduled", "finished"]);
const SORTS = /** @type {const} */ (["id", "next_run", "last_run", "failing_since"]);
/** How the service sorts: what happened last comes first. */
const ORDERS = { id: "id", next_run: "next_run", last_run: "-last_run", failing_since: "failing_since" };
const PHONE = matchMedia("(max-width: 700px)");
const PLACES = 20;

/** @param {import("../core/router.js").Visit} visit */
export async function open({ query, signal }) {
  const page = new JobsPage(query, signal);
  page.start();
  return { node: page.node, title: t("nav.jobs"), queryChanged: (/** @type {URLSearchParams} */ next) => page.queryChanged(next) };
}

class JobsPage {
  /**
   * @param {URLSearchParams} query
   * @param {AbortSignal} signal
   */
  constructor(query, signal) {
    this.signal = signal;
    this.filter = readFilter(query);
    this.rows = new JobRows(() => this.draw());
    this.bulk = new BulkBar(() => this.draw());
    this.search = h("input", {
      type: "search", "aria-label": t("jobs.filter"), placeholder: t("jobs.filter"), value: this.filter.text, spellcheck: "false",
      oninput: () => setQuery({ q: this.search.value }, { replace: true }),
    });
    this.state = choice(t("jobs.state"), ["", ...STATES], (one) => one ? t(/** @type {any} */ (`state.${one}`)) : t("jobs.all-states"), (value) => setQuery({ state: value }));
    this.sort = choice(t("jobs.sort"), SORTS, (one) => t(/** @type {any} */ (`jobs.sort-${one}`)), (value) => setQuery({ sort: value === "id" ? null : value }));
    this.labels = h("span", { class: "chips" });
    this.count = h("span", { class: "count", role: "status" });
    this.nothing = h("div", { hidden: true });
    this.every = h("input", { type: "checkbox", "aria-label": t("jobs.select-shown", { count: "" }), onchange: () => this.selectShown() });
    this.list = new VirtualList({
      label: t("nav.jobs"), columns: 6, head: head(this.every), rowHeight: () => (PHONE.matches ? 72 : 48),
      keyOf: (/** @type {Row} */ row) => row.job_id,
      make: (row) => this.make(row), update: updateRow,
      onShown: (shown) => this.rows.refresh(shown, signal).catch(() => null),
    });
    this.node = h(
      "div",
      { class: "page fixed" },
      h("div", { class: "bar" }, h("h1", null, t("nav.jobs")), this.search, this.state, this.sort, this.labels, this.count),
      this.list.node,
      this.nothing,
      this.bulk.node,
    );
  }

  start() {
    this.#showControls();
    this.#load();
    follow("change", (change) => this.#changed(change), this.signal);
    document.addEventListener("keydown", (event) => this.#key(event), { signal: this.signal });
    PHONE.addEventListener("change", () => this.list.draw(), { signal: this.signal });
    this.signal.addEventListener("abort", () => this.list.close());
  }

  #load() {
    this.rows.load(ORDERS[this.filter.sort] ?? "id", this.signal).catch((error) => {
      if (error.name !== "AbortError" && !error.isOutage) throw error;
    });
  }

  /** @param {import("../core/live.js").Change} change */
  #changed(change) {
    if (change.all || (this.rows.isComplete && live.now && live.now.jobs.total < this.rows.rows.size)) return this.#load();
    this.rows.note(change.jobs, this.signal).then(() => this.draw(), () => null);
  }

  /** @param {URLSearchParams} query */
  queryChanged(query) {
    const before = this.filter;
    this.filter = readFilter(query);
    if (before.sort !== this.filter.sort) this.#load();
    this.#showControls();
    if (JSON.stringify(before) !== JSON.stringify(this.filter)) this.list.node.scrollTop = 0;
    this.draw();
  }

  #showControls() {
    if (document.activeElement !== this.search) this.search.value = this.filter.text;
    select(this.state).value = this.filter.state;
    select(this.sort).value = this.filter.sort;
    keyed(this.labels, this.filter.labels, (one) => one, (one) => labelChip(one, () => this.#dropLabel(one)));
  }

  /** @param {string} label */
  #dropLabel(label) {
    setQuery({ labels: this.filter.labels.filter((one) => one !== label).join(",") });
  }

  draw() {
    this.shown = this.rows.matching(this.filter, jobState);
    this.list.show(this.shown);
    const total = this.rows.rows.size;
    const counts = { shown: number(this.shown.length), total: number(total) };
    setText(this.count, this.rows.isComplete ? t("jobs.count", counts) : t("jobs.loading", { count: number(total) }));
    this.bulk.show(this.rows.rows);
    set(this.every, this.bulk.stateOf(this.shown));
    this.#showNothing(total);
  }

  /** @param {number} total */
  #showNothing(total) {
    const isEmpty = this.rows.isComplete && !this.shown?.length;
    if (this.nothing.hidden === !isEmpty) return;
    this.nothing.hidden = !isEmpty;
    this.list.node.hidden = isEmpty;
    if (!isEmpty) return;
    const clear = h("button", { onclick: () => setQuery({ q: null, state: null, labels: null, owner: null }) }, t("action.clear"));
    if (total) fill(this.nothing, empty(t("jobs.no-match"), t("jobs.no-match-text", { total: number(total) }), " ", clear));
    else fill(this.nothing, empty(t("jobs.empty"), firstSteps()));
  }

  selectShown() {
    this.bulk.toggleAll(this.shown ?? [], this.every.checked);
  }

  /** @param {Row} row */
  make(row) {
    const box = h("input", {
      type: "checkbox", "aria-label": t("jobs.select", { job: row.job_id }), checked: this.bulk.has(row.job_id),
      onchange: () => this.bulk.toggle(row.job_id, box.checked),
    });
    const cells = [
      h("div", { class: "cell pick" }, box),
      h("div", { class: "cell name" }, jobLink(row.job_id, row.name), labelLinks(row, this.filter.labels)),
      h("div", { class: "cell state" }, badge(jobState(row))),
      h("div", { class: "cell schedule" }, h("span", null, wordsOf(row))),
      h("div", { class: "cell next" }, nextRun(row)),
      h("div", { class: "cell last" }, strip(row.strip ?? [], PLACES, row.timezone ?? ZONE)),
    ];
    cells.forEach((cell) => cell.setAttribute("role", "cell"));
    const node = h("div", { class: "line", role: "row" }, cells);
    drawn.set(node, row);
    return node;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const isTyping = target.matches("input:not([type=checkbox]), textarea, select") || document.querySelector("dialog[open]");
    if (event.key === "Escape" && target === this.search) return this.search.blur();
    if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") this.search.focus();
    else if (event.key === "j" || event.key === "k") this.#move(event.key === "j" ? 1 : -1);
    else if (event.key === "x") this.#toggleFocused();
    else return;
    event.preventDefault();
  }

  /** @param {number} by */
  #move(by) {
    if (!this.shown?.length) return;
    const index = this.list.focused();
    this.list.focus(Math.min(this.shown.length - 1, Math.max(0, index + by)));
  }

  #toggleFocused() {
    const row = this.shown?.[this.list.focused()];
    if (row) this.bulk.toggle(row.job_id, !this.bulk.has(row.job_id));
  }
}

/** What each row of the document shows. @type {WeakMap<Element, Row>} */
const drawn = new WeakMap();

/**
 * @param {HTMLElement} node
 * @param {Row} row
 */
function updateRow(node, row) {
  const before = drawn.get(node);
  if (before === row) return;
  drawn.set(node, row);
  const [, , state, times, next, last] = node.children;
  if (state.firstElementChild) setBadge(state.firstElementChild, jobState(row));
  if (times.firstElementChild) setText(times.firstElementChild, wordsOf(row));
  if (before?.next_run_time !== row.next_run_time) fill(next, nextRun(row));
  if (before?.strip !== row.strip) fill(last, strip(row.strip ?? [], PLACES, row.timezone ?? ZONE));
}

/**
 * In another language than the service's, there are no words before their parts are there.
 * @param {Row} row
 */
function wordsOf(row) {
  return LANGUAGE === "en" || row.schedule_parts ? schedule(row.schedule_text, row.schedule_parts, row.timezone) : "…";
}

/** @param {Row} row */
function nextRun(row) {
  return timeNode(row.next_run_time, row.timezone ?? ZONE, { relative: "due" });
}

/** @param {URLSearchParams} query */
function readFilter(query) {
  const sort = query.get("sort");
  return {
    text: query.get("q") ?? "",
    labels: (query.get("labels") ?? "").split(",").filter(Boolean),
    state: STATES.find((one) => one === query.get("state")) ?? "",
    owner: query.get("owner") ?? "",
    sort: SORTS.find((one) => one === sort) ?? "id",
  };
}

/** @param {HTMLInputElement} every */
function head(every) {
  const titles = [["pick", every], ["name", t("jobs.name")], ["state", t("jobs.state")], ["schedule", t("jobs.schedule")], ["next", t("jobs.next")], ["last", t("jobs.last")]];
  return h(
    "div",
    { class: "head", role: "rowgroup" },
    h("div", { class: "line", role: "row", "aria-rowindex": 1 }, titles.map(([name, title]) => h("div", { class: `cell ${name}`, role: "columnheader" }, title))),
  );
}

/**
 * @template {string} Value
 * @param {string} label
 * @param {readonly Value[]} values
 * @param {(value: Value) => string} textOf
 * @param {(value: string) => void} chosen
 */
function choice(label, values, textOf, chosen) {
  const options = values.map((one) => h("option", { value: one }, textOf(one)));
  const picked = (/** @type {Event} */ event) => chosen(/** @type {HTMLSelectElement} */ (event.target).value);
  return h("label", { class: "choice" }, h("span", null, label), h("select", { onchange: picked }, options));
}

/** @param {HTMLElement} node */
function select(node) {
  return /** @type {HTMLSelectElement} */ (node.querySelector("select"));
}

/**
 * @param {string} label
 * @param {() => void} drop
 */
function labelChip(label, drop) {
  return h("button", { class: "chip on", onclick: drop }, `${label} ×`);
}

/**
 * @param {Row} row
 * @param {string[]} chosen
 */
function labelLinks(row, chosen) {
  const add = (/** @type {string} */ label) => setQuery({ labels: [...new Set([...chosen, label])].join(",") });
  const all = Object.entries(row.labels).map(([name, value]) => `${name}=${value}`);
  return h("span", { class: "chips" }, all.slice(0, 3).map((label) => h("button", { class: "chip", tabindex: "-1", onclick: () => add(label) }, label)));
}
