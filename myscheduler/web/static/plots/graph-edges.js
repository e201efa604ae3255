// The edges of a graph of jobs. What an edge asks for is told by its dashes and the sign at its beginning, what became of
// it by the sign at its end.

import { h, s, set } from "../core/dom.js";
import { t } from "../core/language.js";

/**
 * @typedef {{from: string, to: string, on: "success" | "failure" | "always" | null, state: "met" | "unmet" | "open" | "skipped" | "declared", isCritical: boolean}} Edge
 *   `on` is null if no job declares it any more; `state` is "declared" where there is no run.
 */

/** How far from the middle of its box an edge begins. */
export const PORTS = { always: -13, success: 0, failure: 13 };
const ONS = /** @type {const} */ (["success", "failure", "always"]);
const STATES = /** @type {const} */ (["met", "unmet", "open", "skipped"]);
/** At the beginning of the edge, by what it asks for. */
const BEGINNINGS = { success: "", failure: "M2 -3.5l7 7M9 -3.5l-7 7", always: "M1 0l5 -4.5 5 4.5 -5 4.5z", gone: "M2 0h6" };
/** At its end. */
const ENDS = {
  met: "M0 0l-9 -4.5v9z", open: "M0 0l-9 -4.5v9z", declared: "M0 0l-9 -4.5v9z", unmet: "M-10 -4l8 8M-2 -4l-8 8",
  skipped: "M-3 -5v10M-7 -5v10",
};

/** @param {import("./layers.js").Point[]} route */
export function drawEdge(route) {
  const [[x, y]] = route;
  const [endX, endY] = /** @type {import("./layers.js").Point} */ (route.at(-1));
  return s(
    "g",
    null,
    s("path", { class: "line", d: curve(route) }),
    s("path", { class: "begin", transform: `translate(${x} ${y})` }),
    s("path", { class: "end", transform: `translate(${endX} ${endY})` }),
  );
}

/** @param {import("./layers.js").Point[]} route */
function curve([[x, y], ...rest]) {
  let before = x;
  const parts = rest.map(([toX, toY], i) => {
    const middle = (before + toX) / 2;
    before = toX;
    return i % 2 ? `H${toX}` : `C${middle} ${rest[i - 1]?.[1] ?? y} ${middle} ${toY} ${toX} ${toY}`;
  });
  return `M${x} ${y}${parts.join("")}`;
}

/**
 * @param {Element} node one that `drawEdge` made
 * @param {Pick<Edge, "on" | "state" | "isCritical">} edge
 */
export function setEdge(node, { on, state, isCritical }) {
  set(node, { class: `edge ${state} on-${on ?? "gone"} ${isCritical ? "critical" : ""}` });
  set(node.children[1], { d: BEGINNINGS[on ?? "gone"] });
  set(node.children[2], { d: ENDS[state] });
}

/** @param {boolean} hasRun whether there are states to be explained */
export function edgeLegend(hasRun) {
  const sample = (/** @type {Edge["on"]} */ on, /** @type {Edge["state"]} */ state, /** @type {string} */ text) => {
    const edge = drawEdge([[2, 8], [42, 8]]);
    setEdge(edge, { on, state, isCritical: false });
    return h("span", null, s("svg", { class: "edge-sample", width: 44, height: 16, "aria-hidden": "true" }, edge), text);
  };
  return h(
    "p",
    { class: "legend" },
    ONS.map((on) => sample(on, hasRun ? "open" : "declared", t(`graph.on.${on}`))),
    hasRun && STATES.filter((one) => one !== "open").map((state) => sample("success", state, t(`graph.edge.${state}`))),
  );
}
