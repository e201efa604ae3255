// A list of any length of which only what is seen is in the document. Rows have one height; each row keeps its node while
// it is seen or has the focus, so that an update never takes the focus away.

import { h } from "./dom.js";

const SPARE = 8;

/**
 * @template Item
 * @typedef {{
 *   label: string, columns: number, head: Element, rowHeight: () => number,
 *   keyOf: (item: Item) => string, make: (item: Item) => HTMLElement, update: (row: HTMLElement, item: Item) => void,
 *   onShown?: (items: Item[]) => void,
 * }} Options
 */

/** @template Item */
export class VirtualList {
  /** @type {Item[]} */
  items = [];
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();
  #isWaiting = false;

  /** @param {Options<Item>} options */
  constructor(options) {
    this.options = options;
    this.body = h("div", { class: "rows", role: "rowgroup" });
    this.node = h(
      "div",
      { class: "list", role: "table", "aria-label": options.label, "aria-colcount": options.columns },
      options.head,
      this.body,
    );
    this.node.addEventListener("scroll", () => this.draw(), { passive: true });
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.node);
  }

  /** @param {Item[]} items */
  show(items) {
    this.items = items;
    this.node.setAttribute("aria-rowcount", String(items.length + 1));
    this.draw();
  }

  /** Draws what is seen, once in the next frame however often it is called. */
  draw() {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    requestAnimationFrame(() => {
      this.#isWaiting = false;
      this.#draw();
    });
  }

  #draw() {
    const height = this.options.rowHeight();
    this.body.style.height = `${this.items.length * height}px`;
    const first = Math.max(0, Math.floor(this.node.scrollTop / height) - SPARE);
    const last = Math.min(this.items.length, Math.ceil((this.node.scrollTop + this.node.clientHeight) / height) + SPARE);
    const shown = this.items.slice(first, last);
    const keys = new Set(shown.map(this.options.keyOf));
    for (const [key, row] of this.#rows) if (!keys.has(key) && !row.contains(document.activeElement)) this.#remove(key, row);
    shown.forEach((item, i) => this.#place(item, first + i, height));
    this.options.onShown?.(shown);
  }

  /**
   * @param {Item} item
   * @param {number} index
   * @param {number} height
   */
  #place(item, index, height) {
    const key = this.options.keyOf(item);
    let row = this.#rows.get(key);
    if (row) this.options.update(row, item);
    else {
      row = this.options.make(item);
      this.#rows.set(key, row);
      row.dataset.key = key;
      this.body.append(row);
    }
    row.style.transform = `translateY(${index * height}px)`;
    row.setAttribute("aria-rowindex", String(index + 2));
    row.classList.toggle("odd", index % 2 === 1);
  }

  /**
   * @param {string} key
   * @param {HTMLElement} row
   */
  #remove(key, row) {
    row.remove();
    this.#rows.delete(key);
  }

  /**
   * Scrolls to a row and gives it the focus.
   * @param {number} index
   */
  focus(index) {
    const height = this.options.rowHeight();
    const top = index * height;
    if (top < this.node.scrollTop) this.node.scrollTop = top;
    else if (top + height * 2 > this.node.scrollTop + this.node.clientHeight) this.node.scrollTop = top + height * 2 - this.node.clientHeight;
    this.#draw();
    const row = this.#rows.get(this.options.keyOf(this.items[index]));
    /** @type {HTMLElement | null | undefined} */ (row?.querySelector("a"))?.focus({ preventScroll: true });
  }

  /** The index of the row that has the focus, or -1. */
  focused() {
    const row = document.activeElement?.closest("[data-key]");
    const key = row instanceof HTMLElement && this.body.contains(row) ? row.dataset.key : null;
    return key ? this.items.findIndex((item) => this.options.keyOf(item) === key) : -1;
  }

  close() {
    this.resizing.disconnect();
  }
}
