// Edges between jobs that appear, vanish or change, and where chains begin: before and after.

import { h } from "../core/dom.js";
import { t } from "../core/language.js";
import { jobLink, scrollable } from "../core/parts.js";

/** @typedef {{kind: "after" | "requires", from: string, to: string, before: string | null, after: string | null}} EdgeChange */
/** @typedef {{job_id: string, before: string[], after: string[]}} RootChange */

/** @param {readonly EdgeChange[]} edges */
export function edgeDiff(edges) {
  return table(t("plan.edges"), [t("plan.edge"), t("plan.before"), t("plan.after")], edges.map((one) => h("tr", null, h("td", null, `${one.from} → ${one.to}`), side(one, one.before, "old"), side(one, one.after, "new"))));
}

/** @param {readonly RootChange[]} roots */
export function rootDiff(roots) {
  return table(t("plan.roots"), [t("jobs.name"), t("plan.root-before"), t("plan.root-after")], roots.map((one) => h("tr", null, h("td", null, jobLink(one.job_id)), h("td", { class: "old" }, one.before.join(", ")), h("td", { class: "new" }, one.after.join(", ")))));
}

/**
 * @param {string} label
 * @param {readonly string[]} titles
 * @param {readonly Node[]} rows
 */
function table(label, titles, rows) {
  return scrollable(
    label,
    h("table", { class: "diff" }, h("thead", null, h("tr", null, titles.map((one) => h("th", { scope: "col" }, one)))), h("tbody", null, rows)),
  );
}

/**
 * @param {EdgeChange} edge
 * @param {string | null} one its condition before or after the change
 * @param {string} kind the class of the cell
 */
function side(edge, one, kind) {
  return h("td", { class: kind }, one === null ? h("span", { class: "none" }, "–") : condition(edge, one));
}

/**
 * @param {EdgeChange} edge
 * @param {string | null} one its condition before or after the change
 */
export function condition(edge, one) {
  if (one === null) return "";
  return edge.kind === "after" ? t("plan.edge-after", { on: one }) : t("plan.edge-requires", { within: one });
}
