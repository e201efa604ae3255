// A list of what happened, the newest first, a page at a time, with filters in the URL. Newer ones wait until they are
// asked for, so that nothing moves while it is read.

import { explain } from "../core/dialogs.js";
import { fill, h, keyed } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { follow, live } from "../core/live.js";
import { empty, scrollable } from "../core/parts.js";
import { setQuery } from "../core/router.js";

/** @typedef {import("../core/dom.js").Child} Child */

const PAGE = 50;
/** A page may be empty though there are older ones that match; then the next one is read as well, up to so many. */
const MOST_PAGES = 5;
/** The most new ones that are counted before the button says "or more". */
const NEW = 100;

/**
 * @template Item
 * @typedef {{
 *   title: string, kind: string, head: HTMLElement, controls: Child, showControls: (query: URLSearchParams) => void,
 *   read: (query: URLSearchParams, page: {limit: number, cursor: string | null}) => Promise<{items: Item[], next: string | null}>,
 *   keyOf: (item: Item) => string, make: (item: Item) => HTMLElement, nothing: () => HTMLElement,
 *   isAffected: (change: import("../core/live.js").Change) => boolean, refresh?: (rows: Element[], found: Item[]) => void,
 * }} Options
 *   `kind` is the class of the table, `nothing` what is shown while there is nothing at all; `refresh` is told what is
 *   known of the newest ones whenever these are read again.
 */

/** @template Item */
export class NewestFirst {
  /** @type {Item[]} */
  #items = [];
  /** @type {string | null} */
  #cursor = null;
  #asked = 0;
  /** Whether the rows are those of an earlier filter, because reading the present one failed. */
  #isStale = false;

  /**
   * @param {Options<Item>} options
   * @param {import("../core/router.js").Visit} visit
   */
  constructor(options, { query, signal }) {
    const { title, kind, head, controls } = options;
    this.options = options;
    this.query = query;
    this.signal = signal;
    this.newer = h("button", { class: "newer", hidden: true, onclick: () => this.load() });
    this.body = h("tbody", { role: "rowgroup" });
    this.table = h("table", { class: kind, role: "table", "aria-label": title }, head, this.body);
    this.older = h("button", { onclick: () => this.#loadOlder() }, t("ledger.older"));
    this.nothing = h("div", { hidden: true });
    this.failure = h("p", { class: "failure", role: "alert" });
    const list = scrollable(title, this.table, this.nothing);
    list.classList.add("panel");
    this.node = h(
      "div",
      { class: "page" },
      h("div", { class: "bar" }, h("h1", null, title), controls),
      this.failure,
      h("p", { class: "fresh", role: "status" }, this.newer),
      list,
      h("p", null, this.older),
    );
    options.showControls(query);
  }

  /** The view of the page, once it has been read. */
  async opened() {
    await this.load();
    follow("change", (change) => this.options.isAffected(change) && this.#look(), this.signal);
    return { node: this.node, title: this.options.title, queryChanged: (/** @type {URLSearchParams} */ query) => this.#queryChanged(query) };
  }

  /** @param {URLSearchParams} query */
  #queryChanged(query) {
    this.query = query;
    this.options.showControls(query);
    this.load();
  }

  async load() {
    await this.#show(null, (found) => {
      this.#items = found;
      fill(this.body);
      this.newer.hidden = true;
    });
  }

  async #loadOlder() {
    this.older.disabled = true;
    await this.#show(this.#cursor, (found) => (this.#items = [...this.#items, ...found]));
    this.older.disabled = false;
  }

  /**
   * @param {string | null} cursor
   * @param {(found: Item[]) => void} take
   */
  async #show(cursor, take) {
    const asked = cursor ? this.#asked : ++this.#asked;
    try {
      const { items, next } = await this.#page(cursor);
      if (asked !== this.#asked) return;
      take(items);
      this.#cursor = next;
      this.#isStale = false;
      fill(this.failure);
      this.#draw();
    } catch (error) {
      if (this.signal.aborted) return;
      if (!cursor) this.#isStale = true;
      live.failed(error);
      fill(this.failure, explain(error));
    }
  }

  /** @param {string | null} cursor */
  async #page(cursor) {
    let found = { items: /** @type {Item[]} */ ([]), next: cursor };
    for (let i = 0; i < MOST_PAGES && !found.items.length && (i === 0 || found.next); i++) {
      found = await this.options.read(this.query, { limit: PAGE, cursor: found.next });
    }
    return found;
  }

  #draw() {
    keyed(this.body, this.#items, this.options.keyOf, this.options.make);
    this.older.hidden = this.#cursor === null;
    const isEmpty = this.#items.length === 0;
    this.table.hidden = isEmpty;
    this.nothing.hidden = !isEmpty;
    if (!isEmpty) return;
    const names = [...this.query.keys()];
    const clear = h("button", { onclick: () => setQuery(Object.fromEntries(names.map((name) => [name, null]))) }, t("action.clear"));
    if (this.#cursor) return fill(this.nothing, empty(t("ledger.not-yet"), clear));
    fill(this.nothing, names.length ? empty(t("ledger.no-match"), clear) : this.options.nothing());
  }

  /** Rows that are shown stay where they are, whatever is new. */
  async #look() {
    if (this.#isStale) return this.load();
    const { keyOf, read, refresh } = this.options;
    const { items: found } = await read(this.query, { limit: NEW, cursor: null }).catch(() => ({ items: null }));
    if (!found || this.signal.aborted) return;
    refresh?.([...this.body.children], found);
    const known = new Set(this.#items.map(keyOf));
    const count = known.size ? found.findIndex((one) => known.has(keyOf(one))) : found.length;
    this.newer.hidden = count === 0;
    fill(this.newer, count < 0 ? t("ledger.many-newer", { count: number(NEW) }) : t("ledger.newer", { count: number(count) }));
  }
}
