// When each job of a run of a chain waited and ran, on one line of time; the path that determined its end stands out.

import { fill, h, s, set } from "../core/dom.js";
import { coded, t } from "../core/language.js";
import { stateIcon, toneOf } from "../core/status.js";
import { duration, exact } from "../core/times.js";
import { figure, numberTicks, timeAxis, timeTicks } from "./figure.js";
import { shortened } from "./letters.js";

/**
 * @typedef {{name: string, state: string, readyAt: number | null, startedAt: number | null, endedAt: number | null, isCritical: boolean}} Row
 *   `readyAt` is when what it waited for had ended; times are milliseconds since 1970. One that has neither started nor ended
 *   waits for its turn.
 * @typedef {{from: number, until: number, now: number | null, timesOutAt: number | null, zone: string, rows: Row[]}} Run
 *   `now` is set while it runs.
 */

const ROW = 24;
const TOP = 32;
const RIGHT = 28;
/** Longer runs have the times of the day on their axis, shorter ones the time since they began. */
const LONG = 600_000;

export class Gantt {
  /** @param {Run} run */
  constructor(run) {
    this.run = run;
    this.node = figure(t("chain.gantt"), (width) => draw(width, this.run), null, legend());
    this.picture = /** @type {HTMLElement} */ (this.node.querySelector(".picture"));
  }

  /** @param {Run} run */
  show(run) {
    this.run = run;
    if (this.picture.clientWidth) fill(this.picture, draw(this.picture.clientWidth, run));
  }
}

function legend() {
  const sample = (/** @type {string} */ kind, /** @type {string} */ text) =>
    h("span", null, s("svg", { class: "sample", viewBox: "0 0 14 14", "aria-hidden": "true" }, s("rect", { class: kind, x: 1, y: kind === "wait" ? 5 : 3, width: 12, height: kind === "wait" ? 4 : 8 })), text);
  return h("p", { class: "legend" }, sample("wait", t("chain.waited")), sample("mark good", t("chain.ran")), sample("mark good critical", t("chain.critical")));
}

/**
 * @param {number} width
 * @param {Run} run
 */
function draw(width, run) {
  const { from, until, rows, zone } = run;
  const left = width < 560 ? 104 : 188;
  const bottom = TOP + rows.length * ROW;
  const scale = scaleOf(run, left, width);
  const lines = [
    run.timesOutAt !== null && run.timesOutAt <= scale.most && line("late", scale.x(run.timesOutAt), bottom, t("chain.times-out"), width),
    run.now !== null && line("now", scale.x(run.now), bottom, t("time.now"), width),
  ];
  const size = { width, height: bottom + 22, viewBox: `0 0 ${width} ${bottom + 22}` };
  return s(
    "svg",
    { ...size, class: "gantt", role: "img", "aria-label": `${exact(from, zone)} – ${exact(until, zone)}. ${t("plot.see-table")}` },
    timeAxis(scale.ticks, scale.x, TOP, bottom),
    lines,
    s("path", { class: "path", d: steps(rows, scale.x) }),
    rows.map((row, i) => drawRow(row, TOP + i * ROW, { ...scale, left, until: run.now ?? until, zone })),
  );
}

/**
 * @param {Run} run
 * @param {number} left
 * @param {number} width
 */
function scaleOf({ from, until, timesOutAt, zone }, left, width) {
  const shown = Math.max(until - from, 1);
  // a limit that is far away would leave no room for what has run
  const end = timesOutAt !== null && timesOutAt - from < 2 * shown ? Math.max(until, timesOutAt) : until;
  const count = Math.max(2, Math.floor((width - left) / 110));
  const isLong = end - from > LONG;
  const since = isLong ? [] : numberTicks(end - from, count);
  const most = isLong ? end : from + Math.max(1, since.at(-1) ?? 1);
  const x = (/** @type {number} */ at) => left + ((at - from) / (most - from)) * (width - left - RIGHT);
  const ticks = isLong ? timeTicks(from, end, count, zone) : since.map((ms) => ({ at: from + ms, text: duration(ms) }));
  return { x, ticks, most };
}

/**
 * @param {string} kind
 * @param {number} x
 * @param {number} bottom
 * @param {string} text
 * @param {number} width
 */
function line(kind, x, bottom, text, width) {
  const anchor = x > width - 90 ? "end" : x < 90 ? "start" : "middle";
  return s("g", { class: `limit ${kind}` }, s("line", { x1: x, x2: x, y1: kind === "now" ? TOP - 4 : 14, y2: bottom }), s("text", { x, y: kind === "now" ? 24 : 10, "text-anchor": anchor }, text));
}

/**
 * The way along the critical path: from the end of each job to the next one's.
 * @param {Row[]} rows
 * @param {(at: number) => number} x
 */
function steps(rows, x) {
  const path = rows.map((row, i) => ({ row, y: TOP + i * ROW + ROW / 2 })).filter(({ row }) => row.isCritical && row.startedAt !== null);
  return path.slice(1).map(({ row, y }, i) => {
    const end = x(path[i].row.endedAt ?? /** @type {number} */ (row.startedAt));
    return `M${end} ${path[i].y}V${y}`;
  }).join("");
}

/** @param {SVGElement} icon */
function sized(icon) {
  set(icon, { width: 14, height: 14 });
  return icon;
}

/**
 * @param {Row} row
 * @param {number} top
 * @param {{x: (at: number) => number, left: number, until: number, zone: string}} scale
 */
function drawRow({ name, state, readyAt, startedAt, endedAt, isCritical }, top, { x, left, until, zone }) {
  const begin = startedAt ?? endedAt ?? until;
  const end = endedAt ?? until;
  const waits = readyAt !== null && begin > readyAt && (startedAt !== null || endedAt === null);
  const title = `${name}: ${coded("state", state)} · ${exact(begin, zone)}${startedAt === null ? "" : ` · ${duration(end - startedAt)}`}${waits ? ` · ${t("chain.waited")} ${duration(begin - readyAt)}` : ""}`;
  const bar = startedAt === null
    ? s("g", { class: `not-run ${toneOf(state)}`, transform: `translate(${x(end) - 7} ${top + 5})` }, sized(stateIcon(state)))
    : s("rect", { class: `mark ${toneOf(state)} ${isCritical ? "critical" : ""}`, x: x(begin), y: top + 6, width: Math.max(3, x(end) - x(begin)), height: ROW - 12, rx: 2 });
  return s(
    "g",
    null,
    s("title", null, title),
    s("text", { class: `label ${isCritical ? "critical" : ""}`, x: left - 10, y: top + 16, "text-anchor": "end" }, `${shortened(name, left - 30, 12)}${isCritical ? " ◆" : ""}`),
    waits && s("rect", { class: "wait", x: x(readyAt), y: top + 10, width: Math.max(1, x(begin) - x(readyAt)), height: 4 }),
    bar,
  );
}
