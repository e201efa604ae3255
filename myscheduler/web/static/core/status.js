// States as an icon and a word, so that no state is told by its colour alone.

import { h, s, setText } from "./dom.js";
import { coded } from "./language.js";

/** Paths in a box of 16 × 16. */
const SHAPES = {
  ok: "M3.5 8.5l3 3 6-7",
  fail: "M4 4l8 8M12 4l-8 8",
  run: "M8 1.8a6.2 6.2 0 1 1-6.2 6.2",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  hold: "M8 2l6.5 11.5h-13zM8 6.5v3M8 11.3v.4",
  skip: "M3.5 3.5l6 4.5-6 4.5zM12.5 3.5v9",
  miss: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 1 0 8 1.8M8 4.5v4l2.5 1.5",
  cut: "M2 8h4M10 8h4M7 4.5L5.5 11.5M10.5 4.5L9 11.5",
  plus: "M8 3v10M3 8h10",
  edit: "M3 13l.6-3.2 7-7 2.6 2.6-7 7z",
  wait: "M4.5 2h7M4.5 14h7M5.5 2v3l5 6v3M10.5 2v3l-5 6v3",
  none: "M5 8h6",
};

/** By state: the shape, and the class of its colour. */
const STATES = /** @type {Record<string, [keyof typeof SHAPES, string]>} */ ({
  completed: ["ok", "good"], success: ["ok", "good"], Ready: ["ok", "good"], applied: ["ok", "good"], ok: ["ok", "good"],
  failed: ["fail", "bad"], failing: ["fail", "bad"], Stalled: ["fail", "bad"], unreadable: ["fail", "bad"],
  running: ["run", "busy"], Reconciling: ["run", "busy"], scheduled: ["none", "calm"],
  paused: ["pause", "rest"], finished: ["none", "calm"],
  held: ["hold", "warn"], partial: ["hold", "warn"], drift: ["hold", "warn"],
  new: ["plus", "good"], changed: ["edit", "busy"], deleted: ["fail", "bad"],
  late: ["miss", "warn"], circuit: ["fail", "bad"], certificate: ["hold", "warn"], over: ["ok", "good"],
  sent: ["ok", "good"], waiting: ["run", "busy"], withdrawn: ["skip", "rest"],
  queued: ["wait", "calm"], "not-reached": ["none", "calm"], cancelled: ["cut", "rest"],
  skipped: ["skip", "rest"], missed: ["miss", "warn"], interrupted: ["cut", "bad"],
});

/**
 * @param {string} state
 * @returns {string} the class of its colour: good, bad, busy, warn, rest or calm
 */
export function toneOf(state) {
  return STATES[state]?.[1] ?? "calm";
}

/** @param {keyof typeof SHAPES} shape */
function icon(shape) {
  return s("svg", { viewBox: "0 0 16 16", class: "icon", "aria-hidden": "true" }, s("path", { d: SHAPES[shape] }));
}

/** @param {string} state */
export function stateIcon(state) {
  return icon(STATES[state]?.[0] ?? "none");
}

/**
 * @param {string} state
 * @param {string} [word] if it is not that of the state
 */
export function badge(state, word) {
  const text = word ?? coded("state", state);
  return h("span", { class: `badge ${toneOf(state)}`, "data-state": state }, stateIcon(state), h("span", null, text));
}

/**
 * @param {Element} node one that `badge` made
 * @param {string} state
 * @param {string} [word]
 */
export function setBadge(node, state, word) {
  const text = word ?? coded("state", state);
  if (node.getAttribute("data-state") === state) return setText(/** @type {Element} */ (node.lastElementChild), text);
  node.replaceWith(badge(state, word));
}

/**
 * The state that a row of the list of jobs is shown with: what needs somebody comes first.
 * @param {{status: string, held?: boolean, failing?: boolean, last_status?: string | null}} job
 */
export function jobState(job) {
  if (job.held) return "held";
  if (job.status === "paused") return "paused";
  if (job.failing) return "failing";
  if (job.last_status === "running") return "running";
  return job.status === "completed" ? "finished" : "scheduled";
}
