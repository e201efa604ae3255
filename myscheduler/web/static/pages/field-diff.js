// What changed, field by field: before and after.

import { h } from "../core/dom.js";
import { t } from "../core/language.js";
import { scrollable } from "../core/parts.js";

/** @typedef {{field: string, before: unknown, after: unknown}} FieldChange */

/** Longer values are folded. */
const LONG = 120;

/** @param {readonly FieldChange[]} fields */
export function fieldDiff(fields) {
  const titles = [t("plan.field"), t("plan.before"), t("plan.after")];
  return scrollable(
    t("plan.field"),
    h(
      "table",
      { class: "diff" },
      h("thead", null, h("tr", null, titles.map((one) => h("th", { scope: "col" }, one)))),
      h("tbody", null, fields.map((one) => h("tr", null, h("td", null, one.field), value(one.before, "old"), value(one.after, "new")))),
    ),
  );
}

/**
 * @param {unknown} one
 * @param {string} kind the class of the cell
 */
function value(one, kind) {
  if (one === null || one === undefined) return h("td", { class: kind }, h("span", { class: "none" }, "–"));
  const text = typeof one === "string" ? one : JSON.stringify(one);
  const code = h("code", null, text);
  if (text.length <= LONG) return h("td", { class: kind }, code);
  return h("td", { class: kind }, h("details", null, h("summary", null, h("code", null, `${text.slice(0, LONG / 2)}…`)), code));
}
