// What a rule is for, and what to write instead: read once somebody opens it.

import { h } from "../core/dom.js";
import { LANGUAGE, t } from "../core/language.js";

/** @param {string} rule */
export function ruleAdvice(rule) {
  const node = h("details", { class: "rule" }, h("summary", null, t("files.rule"), " ", h("code", null, rule)));
  const open = async () => {
    if (node.children.length > 1) return;
    const [{ rules }, translated] = await Promise.all([import("../rules.js"), LANGUAGE === "ja" ? import("../ja-advice.js") : null]);
    const found = rules[rule];
    if (!found || node.children.length > 1) return;
    const [why, fix] = translated?.advice[rule] ?? found.advice;
    const example = (/** @type {string} */ title, /** @type {string} */ text) => text && h("div", null, h("p", { class: "detail" }, title), h("pre", { tabindex: "0" }, text));
    node.append(
      h("p", null, why),
      h("p", null, h("strong", null, t("rule.fix")), " ", fix),
      h("div", { class: "columns two" }, example(t("rule.wrong"), found.wrong), example(t("rule.right"), found.right)),
    );
  };
  node.addEventListener("toggle", () => open().catch(() => (node.open = false))); // it may be opened again
  return node;
}
