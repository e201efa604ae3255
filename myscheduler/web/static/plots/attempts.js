// The attempts of an execution on one line of time: how long each took, and the waits between them.

import { h, s } from "../core/dom.js";
import { coded, t } from "../core/language.js";
import { scrollable } from "../core/parts.js";
import { said } from "../core/said.js";
import { duration, exact, timeNode } from "../core/times.js";
import { figure, numberTicks } from "./figure.js";

const ROW = 26;
const LEFT = 40;
const RIGHT = 32;

/**
 * @typedef {{number: number, started_at: string, duration_ms: number | null, http_status_code: number | null, failure: string | null,
 *   error: string | null, error_coded?: import("../core/said.js").Coded}} Attempt
 */

/**
 * @param {Attempt[]} attempts
 * @param {string} zone
 */
export function attemptsPicture(attempts, zone) {
  const rows = attempts.map((one) => [
    String(one.number), timeNode(one.started_at, zone), one.duration_ms === null ? "…" : duration(one.duration_ms),
    result(one), said(one.error_coded, one.error),
  ]);
  const head = [t("attempts.number"), t("execution.started"), t("ledger.took"), t("attempts.result"), t("execution.error")];
  const table = scrollable(
    t("execution.attempts"),
    h("table", null, h("thead", null, h("tr", null, head.map((one) => h("th", { scope: "col" }, one)))), h("tbody", null, rows.map((row) => h("tr", null, row.map((cell) => h("td", null, cell)))))),
  );
  if (attempts.length < 2) return table;
  return h("div", null, figure(t("attempts.question"), (width) => draw(width, attempts, zone), null), table);
}

/** @param {Attempt} one */
function result(one) {
  if (one.http_status_code !== null) return `HTTP ${one.http_status_code}`;
  return one.failure ? coded("failure", one.failure) : "";
}

/**
 * @param {number} width
 * @param {Attempt[]} attempts
 * @param {string} zone
 */
function draw(width, attempts, zone) {
  const begin = Date.parse(attempts[0].started_at);
  const ends = attempts.map((one) => Date.parse(one.started_at) + (one.duration_ms ?? 0) - begin);
  const ticks = numberTicks(Math.max(...ends, 1), Math.max(2, Math.floor(width / 140)));
  const most = ticks.at(-1) ?? 1;
  const x = (/** @type {number} */ ms) => LEFT + (ms / most) * (width - LEFT - RIGHT);
  const bottom = attempts.length * ROW;
  const axis = ticks.map((ms) => [
    s("line", { x1: x(ms), x2: x(ms), y1: 0, y2: bottom }),
    s("text", { x: x(ms), y: bottom + 14, "text-anchor": "middle" }, duration(ms)),
  ]);
  const bars = attempts.map((one, i) => {
    const from = Date.parse(one.started_at) - begin;
    const title = `${exact(one.started_at, zone)} · ${duration(one.duration_ms ?? 0)} · ${result(one)}`;
    const isGood = one.failure === null && one.error === null;
    return [
      s("text", { class: "label", x: LEFT - 10, y: i * ROW + 17, "text-anchor": "end" }, String(one.number)),
      s("rect", { class: `mark ${isGood ? "good" : "bad"}`, x: x(from), y: i * ROW + 5, width: Math.max(2, x(ends[i]) - x(from)), height: ROW - 10, rx: 2 }, s("title", null, title)),
    ];
  });
  const size = { width, height: bottom + 22, viewBox: `0 0 ${width} ${bottom + 22}` };
  return s("svg", { ...size, role: "img", "aria-label": t("plot.see-table") }, s("g", { class: "axis", "aria-hidden": "true" }, axis), bars);
}
