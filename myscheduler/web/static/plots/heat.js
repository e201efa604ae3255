// Days down, hours across: the most starts in one minute of each hour, as a shade and a number.

import { s, set } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { day } from "../core/times.js";
import { figure } from "./figure.js";

const ROW = 26;
const TOP = 20;
const HOURS = 24;
/** Shades of the scale, the lightest first; see `.heat-N` in app.css. */
const SHADES = 5;

/** @typedef {{date: string, peak_per_hour: (number | null)[]}} Day `null`: the hour is not in the forecast */

/**
 * @param {string} title
 * @param {Day[]} days
 * @param {{most: number, chosen: string, choose: (date: string, hour: number) => void}} options `most` is the top of the
 *   scale, `chosen` the cell that is marked ("2026-11-30 9")
 */
export function heatMap(title, days, options) {
  const head = [t("heat.day"), ...Array.from({ length: HOURS }, (_, hour) => String(hour))];
  const rows = days.map((one) => [dayName(one.date), ...one.peak_per_hour.map((peak) => (peak === null ? "" : number(peak)))]);
  return figure(title, (width) => draw(width, days, options), { head, rows });
}

/** @param {string} date */
function dayName(date) {
  return day(`${date}T12:00:00Z`, "UTC");
}

/**
 * @param {number} width
 * @param {Day[]} days
 * @param {{most: number, chosen: string, choose: (date: string, hour: number) => void}} options
 */
function draw(width, days, options) {
  const left = width < 560 ? 80 : 104;
  const cell = (width - left) / HOURS;
  const step = width < 700 ? 6 : width < 1_000 ? 3 : 1;
  const hours = Array.from({ length: HOURS / step }, (_, i) => i * step);
  const height = TOP + days.length * ROW;
  return s(
    "svg",
    { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": t("plot.see-table") },
    hours.map((hour) => s("text", { x: left + (hour + 0.5) * cell, y: 12, "text-anchor": "middle", "aria-hidden": "true" }, String(hour))),
    days.map((one, row) => [
      s("text", { class: "label", x: 0, y: TOP + row * ROW + 17 }, dayName(one.date)),
      one.peak_per_hour.map((peak, hour) => drawCell(one.date, hour, peak, { x: left + hour * cell, y: TOP + row * ROW, width: cell }, options)),
    ]),
  );
}

/**
 * @param {string} date
 * @param {number} hour
 * @param {number | null} peak
 * @param {{x: number, y: number, width: number}} place
 * @param {{most: number, chosen: string, choose: (date: string, hour: number) => void}} options
 */
function drawCell(date, hour, peak, { x, y, width }, { most, chosen, choose }) {
  if (peak === null) return null;
  const shade = peak === 0 ? 0 : Math.max(1, Math.ceil((peak / most) * SHADES));
  const text = `${dayName(date)} ${hour}:00 · ${t("heat.peak", { count: number(peak) })}`;
  const box = s("rect", { class: `heat-${shade}`, x: x + 1, y: y + 1, width: width - 2, height: ROW - 2, rx: 3 });
  const shown = peak > 0 && width > 24 && s("text", { class: `on-heat-${shade}`, x: x + width / 2, y: y + 17, "text-anchor": "middle" }, number(peak));
  const node = s("g", { class: "heat", role: "button", tabindex: peak ? "0" : null, "aria-label": text, "aria-pressed": String(chosen === `${date} ${hour}`) }, s("title", null, text), box, shown);
  if (!peak) {
    set(node, { role: null, "aria-pressed": null });
    return node;
  }
  node.addEventListener("click", () => choose(date, hour));
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    choose(date, hour);
  });
  return node;
}
