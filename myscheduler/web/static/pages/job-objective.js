// How much of a job's error budget is left, and how fast it burns.

import { h, s } from "../core/dom.js";
import { LANGUAGE, number, t } from "../core/language.js";
import { panel, scrollable } from "../core/parts.js";
import { badge, toneOf } from "../core/status.js";

/** Above these rates the alert rules take a budget to burn fast, and slowly. */
const FAST = 6;
const SLOW = 1;
const UNITS = /** @type {Record<string, string>} */ ({ D: "day", H: "hour", M: "minute", S: "second" });

/** @typedef {{window: string, good: number, bad: number, rate: number | null}} Burn */
/**
 * @typedef {{
 *   success: number, late_sec: number | null, window: string, good: number, bad: number, achieved: number | null,
 *   budget_left: number, burn: Burn[],
 * }} Objective
 */

/** @param {Objective} slo */
export function objective(slo) {
  const { success, late_sec: late, window, good, bad, achieved, budget_left: left } = slo;
  const values = { success: percent(success / 100), window: span(window), late: late === null ? "" : span(`PT${late}S`) };
  const [state, word] = verdict(slo);
  const title = left < 0 ? t("slo.overspent", { over: percent(-left) }) : t("slo.left", { left: percent(left) });
  const runs = achieved === null ? t("slo.none-due") : t("slo.runs", { good: number(good), total: number(good + bad), achieved: percent(achieved / 100) });
  return panel(
    t("slo.title"),
    h(
      "div",
      null,
      h("p", { class: "detail" }, t(late === null ? "slo.target" : "slo.target-late", values)),
      bar(left, title, state),
      h("p", null, h("strong", null, title), " ", badge(state, word)),
      h("p", { class: "detail" }, runs),
      burnTable(slo.burn, t("slo.burn", values)),
    ),
  );
}

/**
 * As the alert rules see it: a long window shows that it matters, a short one that it goes on.
 * @param {Objective} slo
 * @returns {[state: string, word: string]}
 */
function verdict({ budget_left: left, burn }) {
  const [shortest, middle, longest] = burn.map(({ rate }) => rate ?? 0);
  if (left <= 0) return ["failed", t("slo.spent")];
  if (middle > FAST && shortest > FAST) return ["failed", t("slo.fast")];
  return longest > SLOW && middle > SLOW ? ["held", t("slo.slow")] : ["ok", t("slo.holds")];
}

/**
 * @param {number} left
 * @param {string} title
 * @param {string} state
 */
function bar(left, title, state) {
  const size = { width: 100, height: 10 };
  const rest = s("rect", { class: `mark ${toneOf(state)}`, ...size, width: 100 * Math.min(1, Math.max(0, left)) });
  return s("svg", { class: "budget", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img", "aria-label": title }, s("rect", { class: "mark", ...size }), rest);
}

/**
 * @param {Burn[]} burn
 * @param {string} caption
 */
function burnTable(burn, caption) {
  const head = [t("slo.last"), t("slo.rate"), t("slo.due"), t("slo.bad")];
  const rows = burn.map((one) => [span(one.window), one.rate === null ? "–" : number(Math.round(one.rate * 100) / 100), number(one.good + one.bad), number(one.bad)]);
  const cells = (/** @type {string[]} */ row) => row.map((cell, i) => h("td", { class: i ? "number" : null }, cell));
  return scrollable(
    caption,
    h("table", null, h("caption", null, caption), h("thead", null, h("tr", null, head.map((one, i) => h("th", { scope: "col", class: i ? "number" : null }, one)))), h("tbody", null, rows.map((row) => h("tr", null, cells(row))))),
  );
}

/** @param {number} share */
function percent(share) {
  return new Intl.NumberFormat(LANGUAGE, { style: "percent", maximumFractionDigits: 2 }).format(share);
}

/**
 * "30 days", of a duration in one unit, as the service writes them.
 * @param {string} text in ISO 8601
 */
function span(text) {
  const [, count, unit] = /^PT?(\d+)([DHMS])$/.exec(text) ?? [];
  if (!count) return text;
  const shown = new Intl.NumberFormat(LANGUAGE, { style: "unit", unit: UNITS[unit], unitDisplay: "long" }).format(Number(count));
  return LANGUAGE === "ja" ? shown.replaceAll(" ", "") : shown;
}
