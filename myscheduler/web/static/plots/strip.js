// The last results of a job side by side, the newest at the right.

import { s } from "../core/dom.js";
import { coded, t } from "../core/language.js";
import { toneOf } from "../core/status.js";
import { duration, exact } from "../core/times.js";

const STEP = 7;
const HEIGHT = 18;

/** @typedef {{execution_id: string, status: string, slot: string, duration_ms: number | null}} Result */

/**
 * @param {Result[]} results the oldest first
 * @param {number} places how many there is room for
 * @param {string} zone
 */
export function strip(results, places, zone) {
  const width = places * STEP;
  const shown = results.slice(-places);
  const bad = shown.filter((one) => toneOf(one.status) === "bad").length;
  const label = shown.length ? t("strip.label", { count: shown.length, bad }) : t("strip.empty");
  const node = s(
    "svg",
    { class: "strip", width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": label, onpointerenter: () => explain(node, shown, zone) },
    shown.map((one, i) => mark(one, (places - shown.length + i) * STEP)),
  );
  return node;
}

/**
 * Failures are taller than successes, so that they stand out without colour, too.
 * @param {Result} result
 * @param {number} x
 */
function mark(result, x) {
  const tone = toneOf(result.status);
  const height = tone === "bad" ? HEIGHT : tone === "good" ? HEIGHT * 0.6 : HEIGHT * 0.35;
  return s("rect", { class: `mark ${tone}`, x, y: HEIGHT - height, width: STEP - 2, height, rx: 1 });
}

/**
 * What the pointer sees. Made when it comes: twenty texts for each row would take as long as the rest of a list.
 * @param {SVGElement} node
 * @param {Result[]} shown
 * @param {string} zone
 */
function explain(node, shown, zone) {
  shown.forEach((one, i) => {
    const took = one.duration_ms === null ? "" : ` · ${duration(one.duration_ms)}`;
    const title = `${exact(one.slot, zone)} · ${coded("state", one.status)}${took}`;
    node.children[i].replaceChildren(s("title", null, title));
  });
}
