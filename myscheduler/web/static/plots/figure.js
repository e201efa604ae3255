// What all pictures share: a title that asks the question they answer, a drawing for the width there is, and the same
// figures as a table for who can't see the drawing or wants to copy them.

import { fill, h, s } from "../core/dom.js";
import { t } from "../core/language.js";
import { clock, day, offsetOf } from "../core/times.js";

/** @typedef {import("../core/dom.js").Child} Child */

/**
 * @param {string} title
 * @param {(width: number) => SVGElement | HTMLElement} draw
 * @param {{head: string[], rows: Child[][]} | null} table `null` if it is shown beside the picture already
 * @param {Child} [legend]
 */
export function figure(title, draw, table, legend) {
  const picture = h("div", { class: "picture" });
  let width = 0;
  const redraw = () => {
    if (picture.clientWidth && picture.clientWidth !== width) fill(picture, draw((width = picture.clientWidth)));
  };
  new ResizeObserver(redraw).observe(picture);
  return h("figure", null, h("figcaption", null, title), legend, picture, table && asTable(table));
}

/** @param {{head: string[], rows: Child[][]}} table */
function asTable({ head, rows }) {
  const body = rows.map((row) => h("tr", null, row.map((cell) => h("td", null, cell))));
  return h(
    "details",
    { class: "as-table" },
    h("summary", null, t("plot.table")),
    h("div", { class: "scroll", tabindex: "0" }, h("table", null, h("thead", null, h("tr", null, head.map((one) => h("th", { scope: "col" }, one)))), h("tbody", null, body))),
  );
}

const MINUTE = 60_000;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440, 2_880, 10_080].map((minutes) => minutes * MINUTE);

/**
 * Where a time axis has its ticks: at round times of the zone.
 * @param {number} from milliseconds since 1970
 * @param {number} until
 * @param {number} most
 * @param {string} zone
 * @returns {{at: number, text: string}[]}
 */
export function timeTicks(from, until, most, zone) {
  const step = STEPS.find((one) => (until - from) / one <= most) ?? /** @type {number} */ (STEPS.at(-1));
  const ticks = [];
  const offset = offsetOf(from, zone);
  for (let at = Math.ceil((from + offset) / step) * step - offset; at <= until; at += step) {
    ticks.push({ at, text: step < 1_440 * MINUTE ? clock(at, zone) : day(at, zone) });
  }
  return ticks;
}

/**
 * Round numbers from 0 to at least `most`.
 * @param {number} most
 * @param {number} count about how many
 */
export function numberTicks(most, count) {
  const rough = Math.max(most, 1e-9) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough) ?? power;
  const ticks = [];
  for (let i = 0; i * step < most + step; i++) ticks.push(Number((i * step).toPrecision(6)));
  return ticks;
}

/**
 * A horizontal axis of time below a drawing.
 * @param {{at: number, text: string}[]} ticks
 * @param {(at: number) => number} x
 * @param {number} top
 * @param {number} bottom
 */
export function timeAxis(ticks, x, top, bottom) {
  return s(
    "g",
    { class: "axis", "aria-hidden": "true" },
    ticks.map(({ at, text }) => [
      s("line", { x1: x(at), x2: x(at), y1: top, y2: bottom }),
      s("text", { x: x(at), y: bottom + 14, "text-anchor": "middle" }, text),
    ]),
  );
}
