// Weeks as rows of days: the past ones with their worst result, those to come with the number of runs.

import { h, set } from "../core/dom.js";
import { coded, LANGUAGE, number, t } from "../core/language.js";
import { query, setQuery } from "../core/router.js";
import { stateIcon, toneOf } from "../core/status.js";
import { clock, day as dayText } from "../core/times.js";
import { dayAfter } from "../core/days.js";

/**
 * @typedef {{date: string, runs: number, times: string[], left_out: {reason: string, name: string | null, count: number}[]}} Ahead
 * @typedef {{
 *   date: string, change: number, isToday: boolean, past: Record<string, number> | null, ahead: Ahead | null,
 *   isCounted: boolean, isPaused: boolean,
 * }} Day
 *   `past` has slots by status; `change` is by how many milliseconds clocks go forward.
 */

/** The worst first. Slots that were skipped as planned don't spoil a day on which others went well. */
const WORST = ["failed", "interrupted", "missed", "running", "completed", "skipped"];
const FIRST_WEEKDAY = LANGUAGE === "ja" ? 0 : 1;
const HOUR = 3_600_000;
const compact = new Intl.NumberFormat(LANGUAGE, { notation: "compact" });

/**
 * @param {Day[]} days one after another
 * @param {string} zone the job's
 */
export function calendar(days, zone) {
  const lead = (weekday(days[0].date) - FIRST_WEEKDAY + 7) % 7;
  const places = [...Array.from({ length: lead }, () => null), ...days];
  const weeks = Array.from({ length: Math.ceil(places.length / 7) }, (_, i) => places.slice(i * 7, i * 7 + 7));
  const names = Array.from({ length: 7 }, (_, i) => dayAfter("2026-11-29", FIRST_WEEKDAY + i)); // the first is a Sunday
  const heads = names.map((one) => h("th", { scope: "col" }, dayText(one, "UTC").match(LANGUAGE === "ja" ? /[日月火水木金土](?=\)|）|曜)/ : /^\w+/)?.[0]));
  const table = h(
    "table",
    { class: "days" },
    h("thead", null, h("tr", null, heads)),
    h("tbody", null, weeks.map((week) => h("tr", null, week.map((one, i) => h("td", null, one && cell(one, zone, i === 0 || one === days[0])))))),
  );
  table.addEventListener("keydown", (event) => move(table, event));
  return h("figure", { class: "calendar" }, h("figcaption", null, t("calendar.title")), table, legend(days));
}

/**
 * Marks the day that is chosen, and makes it the one that Tab reaches.
 * @param {Element} place
 * @param {string} day
 */
export function mark(place, day) {
  const links = [...place.querySelectorAll("a[data-day]")];
  const reached = links.find((one) => one.getAttribute("data-day") === day) ?? links.find((one) => one.matches(".today"));
  for (const one of links) {
    const isChosen = one.getAttribute("data-day") === day;
    set(one, { "aria-current": isChosen ? "true" : null, tabindex: one === reached ? "0" : "-1" });
  }
}

/** @param {string} date 0 is Sunday */
function weekday(date) {
  return new Date(`${date}T00:00Z`).getUTCDay();
}

/**
 * @param {Day} day
 * @param {string} zone
 * @param {boolean} isFirst whether the month is written out
 */
function cell(day, zone, isFirst) {
  const [, month, number_] = day.date.split("-").map(Number);
  const state = stateOf(day);
  const words = wordsOf(day, zone);
  const name = isFirst || number_ === 1 ? `${month}/${number_}` : String(number_);
  const kind = day.past ? toneOf(state) : state ? "ahead" : "blank";
  const choose = (/** @type {Event} */ event) => {
    event.preventDefault();
    setQuery({ day: query().get("day") === day.date ? null : day.date });
  };
  return h(
    "a",
    { class: `day ${kind} ${day.isToday ? "today" : ""} ${day.isCounted ? "" : "unknown"}`, href: `?day=${day.date}`, onclick: choose, "data-day": day.date, title: words, "aria-label": words },
    h("span", { class: "date" }, name, day.change !== 0 && h("b", null, shift(day.change))),
    state && h("span", { class: "what" }, state !== "ahead" && stateIcon(state), h("span", null, countOf(day, state))),
  );
}

/** @param {number} change */
function shift(change) {
  return `${change > 0 ? "+" : "−"}${Math.abs(change) / HOUR}h`;
}

/** @param {Day} day what its icon stands for; "" if there is nothing to show */
function stateOf({ past, ahead, isPaused }) {
  const worst = past && WORST.find((one) => past[one] > 0);
  if (worst) return worst;
  if (ahead?.runs) return isPaused ? "paused" : "ahead";
  return ahead?.left_out.length ? "skipped" : "";
}

/**
 * How many slots are in that state.
 * @param {Day} day
 * @param {string} state
 */
function countOf({ past, ahead }, state) {
  if (past) return compact.format(past[state]);
  if (ahead?.runs) return `${compact.format(ahead.runs)}×`;
  return compact.format(ahead?.left_out.reduce((sum, one) => sum + one.count, 0) ?? 0);
}

/**
 * All that is known of a day, in words.
 * @param {Day} day
 * @param {string} zone
 */
function wordsOf({ date, past, ahead, isPaused, isCounted, isToday, change }, zone) {
  const said = [
    ...WORST.filter((one) => past?.[one]).map((one) => `${number(past?.[one] ?? 0)} ${coded("state", one)}`),
    ...(isCounted ? [] : [t("calendar.uncounted")]),
    ...(ahead ? planned(ahead, zone) : []),
  ];
  if (!said.length) said.push(t(ahead && !isToday ? "calendar.nothing-planned" : "calendar.nothing"));
  if (isPaused) said.push(t("state.paused"));
  if (change !== 0) said.push(t(change > 0 ? "job.forward" : "job.back"));
  return `${dayText(`${date}T12:00Z`, "UTC")}: ${said.join(" · ")}`;
}

/**
 * @param {Ahead} ahead
 * @param {string} zone
 */
function planned({ runs, times, left_out: leftOut }, zone) {
  const all = times.map((one) => clock(one, zone));
  const when = runs > all.length ? t("calendar.first-of", { count: number(runs), time: all[0] }) : t("calendar.runs-at", { times: all.join(", ") });
  const reasonOf = (/** @type {Ahead["left_out"][number]} */ one) => coded("reason", one.reason) + (one.name ? ` (${one.name})` : "");
  return [...(runs ? [when] : []), ...leftOut.map((one) => t("calendar.left-out", { count: number(one.count), reason: reasonOf(one) }))];
}

/** @param {Day[]} days */
function legend(days) {
  const states = ["completed", "missed", "failed", "skipped", ...(days.some((one) => one.isPaused) ? ["paused"] : [])];
  return h(
    "p",
    { class: "legend" },
    states.map((one) => h("span", { class: toneOf(one) }, stateIcon(one), coded("state", one))),
    days.some((one) => one.ahead) && h("span", null, h("b", null, "1×"), t("calendar.ahead")),
    days.some((one) => !one.isCounted) && h("span", null, h("i", { class: "unknown" }), t("calendar.uncounted")),
  );
}

/**
 * @param {Element} table
 * @param {KeyboardEvent} event
 */
function move(table, event) {
  const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -7, ArrowDown: 7 }[event.key];
  const links = [...table.querySelectorAll("a")];
  const place = links.indexOf(/** @type {HTMLAnchorElement} */ (document.activeElement));
  const next = by && place >= 0 ? links[place + by] : undefined;
  if (!next) return;
  event.preventDefault();
  next.focus();
}
