// One measure of executions over time: a dot each, with lines at the percentiles.

import { executionUrl } from "../core/config.js";
import { h, s, setText } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { executionLink } from "../core/parts.js";
import { go } from "../core/router.js";
import { toneOf } from "../core/status.js";
import { duration, exact } from "../core/times.js";
import { figure, numberTicks, timeAxis, timeTicks } from "./figure.js";

const LEFT = 78;
const RIGHT = 40;
const TOP = 8;
const HEIGHT = 190;
const LINES = /** @type {const} */ (["p50", "p95", "p99"]);
/** Where a logarithmic axis has its ticks, in milliseconds. */
const STEPS = [1, 10, 100, 1_000, 10_000, 60_000, 600_000, 3_600_000, 36_000_000, 360_000_000];
/** From how many times the median on the largest value is shown on a logarithmic axis. */
const WIDE = 30;
const SLOWEST = 10;
/** The shortest time that is shown, in milliseconds. */
const LEAST_RANGE = 600_000;

/** @typedef {"lateness_ms" | "duration_ms"} Measure */
/**
 * @typedef {{execution_id: string, status: string, slot: string, lateness_ms: number | null, duration_ms: number | null}} Point
 * @typedef {{at: number, value: number, point: Point}} Dot
 * @typedef {Record<"count" | "min" | "p50" | "p90" | "p95" | "p99" | "max", number>} Spread
 */

/**
 * @param {Measure} measure
 * @param {{points: Point[], lateness_ms: Spread, duration_ms: Spread}} stats
 * @param {string} zone
 */
export function scatter(measure, stats, zone) {
  const spread = stats[measure];
  const dots = stats.points.filter((one) => one[measure] !== null)
    .map((point) => ({ at: Date.parse(point.slot), value: point[measure] ?? 0, point }));
  const said = h("p", { class: "said", "aria-hidden": "true" }, t("plot.dots", { count: number(dots.length) }));
  const slowest = [...dots].sort((a, b) => b.value - a.value).slice(0, SLOWEST);
  const rows = [
    ...(/** @type {const} */ (["min", "p50", "p90", "p95", "p99", "max"])).map((one) => [coded("plot", one, one), duration(spread[one])]),
    ...slowest.map(({ value, point }) => [executionLink(point.execution_id, exact(point.slot, zone)), `${duration(value)} · ${coded("state", point.status)}`]),
  ];
  const table = { head: [t("plot.what"), t(`plot.${measure}`)], rows };
  return figure(t(`job.${measure}`), (width) => draw(width, dots, spread, zone, said), table, [legend(dots), said]);
}

/** @param {Dot[]} dots */
function legend(dots) {
  const failed = dots.filter((one) => toneOf(one.point.status) === "bad").length;
  const sample = (/** @type {string} */ kind, /** @type {string} */ path) => s("svg", { viewBox: "0 0 12 12", class: "sample", "aria-hidden": "true" }, s("path", { class: kind, d: path }));
  return h(
    "p",
    { class: "legend" },
    h("span", null, sample("dots", "M6 6h0"), coded("state", "completed")),
    failed > 0 && h("span", null, sample("crosses", cross(6, 6)), coded("state", "failed")),
    h("span", null, sample("percentile", "M0 6h12"), LINES.join(", ")),
  );
}

/**
 * @param {number} x
 * @param {number} y
 */
function cross(x, y) {
  return `M${x - 3} ${y - 3}l6 6m0-6l-6 6`;
}

/**
 * @param {number} width
 * @param {Dot[]} dots
 * @param {Spread} spread
 * @param {string} zone
 * @param {Element} said where the dot under the pointer is described
 */
function draw(width, dots, spread, zone, said) {
  const [from, until] = range(dots);
  const most = Math.max(spread.p99, ...dots.map((one) => one.value));
  const scale = most > WIDE * Math.max(1, spread.p50) ? logarithmic(most, spread.min) : linear(most);
  const x = (/** @type {number} */ at) => LEFT + ((at - from) / (until - from)) * (width - LEFT - RIGHT);
  const y = (/** @type {number} */ value) => TOP + (1 - scale.share(value)) * HEIGHT;
  const path = (/** @type {boolean} */ isBad, /** @type {(x: number, y: number) => string} */ shape) =>
    dots.filter((one) => (toneOf(one.point.status) === "bad") === isBad).map((one) => shape(round(x(one.at)), round(y(one.value)))).join("");
  const near = s("circle", { class: "near", r: 5, cx: -9, cy: -9 });
  const picture = s(
    "svg",
    { width, height: TOP + HEIGHT + 22, viewBox: `0 0 ${width} ${TOP + HEIGHT + 22}`, role: "img", "aria-label": t("plot.see-table") },
    timeAxis(ticksOf(from, until, Math.max(2, Math.floor((width - LEFT - RIGHT) / 95)), zone), x, TOP, TOP + HEIGHT),
    scale.ticks.map((one) => valueTick(one, y(one), width)),
    percentiles(spread, y, width),
    s("path", { class: "dots", d: path(false, (a, b) => `M${a} ${b}h0`) }, s("title", null, coded("state", "completed"))),
    s("path", { class: "crosses", d: path(true, cross) }, s("title", null, coded("state", "failed"))),
    near,
  );
  follow(picture, dots.map((one) => ({ ...one, x: x(one.at), y: y(one.value) })), near, (one) => setText(said, describe(one, zone)));
  return picture;
}

/**
 * At most so many ticks, also where days are the coarsest step.
 * @param {number} from
 * @param {number} until
 * @param {number} most
 * @param {string} zone
 */
function ticksOf(from, until, most, zone) {
  const ticks = timeTicks(from, until, most, zone);
  const step = Math.ceil(ticks.length / most);
  return ticks.filter((_, i) => i % step === 0);
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 10) / 10;
}

/** @param {Dot[]} dots */
function range(dots) {
  const from = dots[0]?.at ?? 0;
  const until = dots.at(-1)?.at ?? 0;
  const missing = Math.max(0, LEAST_RANGE - (until - from)) / 2;
  return [from - missing, until + missing];
}

/** @param {number} most */
function linear(most) {
  const ticks = numberTicks(most, 4);
  const top = ticks.at(-1) ?? 1;
  return { ticks, share: (/** @type {number} */ value) => value / top };
}

/**
 * @param {number} most
 * @param {number} least
 */
function logarithmic(most, least) {
  const first = STEPS.findLastIndex((one) => one <= Math.max(1, least));
  const found = STEPS.findIndex((one) => one >= most);
  const ticks = STEPS.slice(first, (found < 0 ? STEPS.length : found) + 1);
  const [low, high] = [Math.log(ticks[0]), Math.log(Math.max(ticks.at(-1) ?? most, most))];
  return { ticks, share: (/** @type {number} */ value) => Math.max(0, (Math.log(Math.max(value, ticks[0])) - low) / (high - low)) };
}

/**
 * @param {number} value
 * @param {number} y
 * @param {number} width
 */
function valueTick(value, y, width) {
  return s(
    "g",
    { class: "axis", "aria-hidden": "true" },
    s("line", { x1: LEFT, x2: width - RIGHT, y1: y, y2: y }),
    s("text", { x: LEFT - 8, y: y + 4, "text-anchor": "end" }, duration(value).replace(/\.0(?= )/, "")),
  );
}

/**
 * Lines that would lie upon each other share their name.
 * @param {Spread} spread
 * @param {(value: number) => number} y
 * @param {number} width
 */
function percentiles(spread, y, width) {
  let above = Infinity;
  return LINES.map((name) => {
    const at = y(spread[name]);
    const isFree = above - at >= 11;
    if (isFree) above = at;
    return s(
      "g",
      { class: "percentile" },
      s("line", { x1: LEFT, x2: width - RIGHT, y1: at, y2: at }),
      isFree && s("text", { x: width - RIGHT + 4, y: at + 4 }, name),
      s("title", null, `${name}: ${duration(spread[name])}`),
    );
  });
}

/**
 * @param {Dot} dot
 * @param {string} zone
 */
function describe({ value, point }, zone) {
  return `${exact(point.slot, zone)} · ${duration(value)} · ${coded("state", point.status)}`;
}

/**
 * Describes the dot that is nearest to the pointer; a click opens its execution.
 * @param {SVGElement} picture
 * @param {(Dot & {x: number, y: number})[]} dots
 * @param {SVGElement} near
 * @param {(dot: Dot) => void} say
 */
function follow(picture, dots, near, say) {
  /** @type {typeof dots[number] | undefined} */
  let nearest;
  picture.addEventListener("pointermove", (event) => {
    const { left, top } = picture.getBoundingClientRect();
    const distance = (/** @type {typeof dots[number]} */ one) => (one.x - event.clientX + left) ** 2 + (one.y - event.clientY + top) ** 2;
    nearest = undefined;
    let least = 900;
    for (const one of dots) if (distance(one) < least) [nearest, least] = [one, distance(one)];
    near.setAttribute("cx", String(nearest?.x ?? -9));
    near.setAttribute("cy", String(nearest?.y ?? -9));
    picture.classList.toggle("on-dot", Boolean(nearest));
    if (nearest) say(nearest);
  });
  picture.addEventListener("click", () => nearest && go(executionUrl(nearest.point.execution_id)));
}
