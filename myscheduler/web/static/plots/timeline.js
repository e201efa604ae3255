// The starts of a range of time, a row for each host: how many come when.

import { h, s } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { clock, duration } from "../core/times.js";
import { figure, timeAxis, timeTicks } from "./figure.js";

const ROW = 34;
const LEFT = 168;
const RIGHT = 14;
const BINS = 60;

/** @typedef {{label: string, starts: {at: number, name: string}[]}} Row */

/**
 * @param {string} title
 * @param {{from: number, until: number, zone: string, rows: Row[]}} data times in milliseconds since 1970
 */
export function timeline(title, data) {
  const rows = data.rows.map(({ label, starts }) => [label, number(starts.length), starts.length ? clock(starts[0].at, data.zone) : "–"]);
  const head = [t("host"), t("plot.starts"), t("plot.first")];
  const { from, until, zone } = data;
  const most = Math.max(...data.rows.flatMap((row) => bins(row, from, until)).map((bin) => bin.length));
  const legend = t("plot.height", { span: duration((until - from) / BINS), most: number(most), zone });
  return figure(title, (width) => draw(width, data), { head, rows }, h("p", { class: "legend" }, legend));
}

/**
 * @param {number} width
 * @param {{from: number, until: number, zone: string, rows: Row[]}} data
 */
function draw(width, { from, until, zone, rows }) {
  const left = width < 560 ? 96 : LEFT;
  const x = (/** @type {number} */ at) => left + ((at - from) / (until - from)) * (width - left - RIGHT);
  const bottom = rows.length * ROW;
  const binned = rows.map((row) => bins(row, from, until));
  const most = Math.max(1, ...binned.flat().map((bin) => bin.length));
  const ticks = timeTicks(from, until, Math.max(3, (width - left) / 90), zone);
  return s(
    "svg",
    { width, height: bottom + 22, viewBox: `0 0 ${width} ${bottom + 22}`, role: "img", "aria-label": t("plot.see-table") },
    timeAxis(ticks, x, 0, bottom),
    rows.map((row, i) => drawRow(row.label, binned[i], i, { x, left, most, from, until, zone })),
  );
}

/**
 * @param {Row} row
 * @param {number} from
 * @param {number} until
 */
function bins(row, from, until) {
  /** @type {Row["starts"][]} */
  const found = Array.from({ length: BINS }, () => []);
  for (const start of row.starts) {
    const bin = Math.floor(((start.at - from) / (until - from)) * BINS);
    found[Math.min(BINS - 1, Math.max(0, bin))].push(start);
  }
  return found;
}

/**
 * @param {string} label
 * @param {Row["starts"][]} binned
 * @param {number} index
 * @param {{x: (at: number) => number, left: number, most: number, from: number, until: number, zone: string}} scale
 */
function drawRow(label, binned, index, { x, left, most, from, until, zone }) {
  const base = (index + 1) * ROW - 4;
  const step = (until - from) / BINS;
  const bars = binned.map((bin, i) => {
    if (!bin.length) return null;
    const height = 4 + (bin.length / most) * (ROW - 12);
    const begin = from + i * step;
    const names = [...new Set(bin.map((one) => one.name))].slice(0, 5).join(", ");
    return s(
      "rect",
      { class: "bar", x: x(begin) + 0.5, y: base - height, width: Math.max(1.5, x(begin + step) - x(begin) - 1), height, rx: 1.5 },
      s("title", null, `${clock(begin, zone)}: ${t("plot.n-starts", { count: number(bin.length) })}\n${names}`),
    );
  });
  const text = shorten(label, left < 120 ? 11 : 21);
  return s(
    "g",
    null,
    s("line", { class: "base", x1: left, x2: x(until), y1: base, y2: base }),
    s("text", { class: "label", x: left - 10, y: base - 4, "text-anchor": "end" }, text, s("title", null, label)),
    bars,
  );
}

/**
 * @param {string} text
 * @param {number} most characters
 */
function shorten(text, most) {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}
