// When is a host overrun? The starts that are to come, by host, day and hour, and the jitter that would help.

import { get, Problem } from "../core/api.js";
import { explain } from "../core/dialogs.js";
import { fill, h } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { empty, jobLink, panel } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { duration, exact, timeNode } from "../core/times.js";
import { heatMap } from "../plots/heat.js";

const DAYS = /** @type {const} */ (["1", "7", "14", "31"]);
const NAMED = 12;
const ALIKE = 5;

/**
 * @typedef {{at: string, starts: number, jobs: number, job_ids: string[], again: string[]}} Worst
 * @typedef {{
 *   host: string, jobs: number, starts: number, peak: number, worst: Worst[],
 *   advice: {jitter_sec: number, jobs: number, job_ids: string[], leaves: number} | null,
 *   days: import("../plots/heat.js").Day[],
 * }} Host
 */

/**
 * @typedef {{
 *   target: string, jobs: number, starts: number, peak: number, calls_per_sec: number, rate_per_sec: number | null,
 *   in_flight: number, concurrency: number | null,
 *   crowded: {at: string, starts: number, needs_sec: number, missed: number, missed_job_ids: string[], again: string[]}[],
 * }} Target
 */

/** @typedef {{jobs: number, assumed: number, assumed_job_ids: string[], assumed_sec: number, left_out: number}} Chained */

/** @param {import("../core/router.js").Visit} visit */
export async function open({ query, signal }) {
  const body = h("div", { class: "page" });
  const days = h("select", { "aria-label": t("forecast.days"), onchange: () => setQuery({ days: days.value, host: null, cell: null }) }, DAYS.map((one) => h("option", { value: one }, t("forecast.n-days", { count: one }))));
  let asked = "";
  /** @type {any} */
  let found = null;

  const show = async (/** @type {URLSearchParams} */ now) => {
    days.value = DAYS.find((one) => one === now.get("days")) ?? "7";
    if (asked !== days.value) {
      asked = days.value;
      if (!found) fill(body, h("p", { role: "status" }, t("forecast.counting")));
      found = await get("/forecast", { days: asked }, signal);
    }
    fill(body, content(found, now));
  };
  const tryShow = (/** @type {URLSearchParams} */ now) => show(now).catch((error) => {
    if (signal.aborted) return;
    if (!(error instanceof Problem)) throw error;
    asked = "";
    fill(body, h("p", { class: "failure", role: "alert" }, explain(error)), h("button", { onclick: () => tryShow(now) }, t("action.try-again")));
  });
  tryShow(query);
  const node = h("div", { class: "page" }, h("div", { class: "bar" }, h("h1", null, t("nav.forecast")), days), h("p", { class: "detail" }, t("forecast.what")), body);
  return { node, title: t("nav.forecast"), queryChanged: tryShow };
}

/**
 * @param {{timezone: string, hosts: Host[], targets: Target[], chained: Chained | null}} found
 * @param {URLSearchParams} query
 */
function content(found, query) {
  if (!found.hosts.length) return empty(t("forecast.empty"), t("forecast.empty-text"));
  const host = found.hosts.find((one) => one.host === query.get("host")) ?? found.hosts[0];
  return [hosts(found.hosts, host), found.chained && chained(found.chained), found.targets.length > 0 && targets(found.targets, found.timezone), picture(host, query, found.timezone)];
}

/** @param {Chained} one what is assumed of jobs that run after others */
function chained(one) {
  const values = { count: number(one.jobs), assumed: number(one.assumed), time: duration(one.assumed_sec * 1_000), left: number(one.left_out) };
  const texts = [t("forecast.chained", values), one.assumed > 0 && t("forecast.assumed", values), one.left_out > 0 && t("forecast.left-out", values)];
  return h("p", { class: "detail" }, texts.filter(Boolean).join(" "));
}

/**
 * @param {Target[]} all those that limit their calls
 * @param {string} zone
 */
function targets(all, zone) {
  const of = (/** @type {number} */ value, /** @type {number | null} */ most) => most === null ? number(value) : t("forecast.of", { value: number(value), most: number(most) });
  const row = (/** @type {Target} */ one) => h("tr", null, [one.target, of(one.calls_per_sec, one.rate_per_sec), of(one.in_flight, one.concurrency)].map((cell) => h("td", null, cell)));
  const head = [t("forecast.target"), t("forecast.per-sec"), t("forecast.in-flight")].map((one) => h("th", { scope: "col" }, one));
  const crowded = all.flatMap((one) => one.crowded.map((minute) => h(
    "li",
    null,
    h("p", null, one.target, " · ", timeNode(minute.at, zone), " · ", t("forecast.needs", { starts: number(minute.starts), time: duration(minute.needs_sec * 1_000) })),
    minute.missed > 0 && [h("small", null, t("forecast.missed", { count: number(minute.missed) })), names(minute.missed_job_ids, minute.missed)],
  )));
  return panel(t("forecast.targets"), h("div", null, h("table", null, h("thead", null, h("tr", null, head)), h("tbody", null, all.map(row))), crowded.length > 0 && h("ul", { class: "lines" }, crowded)));
}

/**
 * @param {Host[]} all the busiest first
 * @param {Host} chosen
 */
function hosts(all, chosen) {
  const row = (/** @type {Host} */ one) => h(
    "tr",
    { "aria-current": one === chosen ? "true" : null },
    h("td", null, h("button", { class: "quiet link", onclick: () => setQuery({ host: one.host, cell: null }) }, one.host)),
    h("td", { class: "number" }, number(one.jobs)),
    h("td", { class: "number" }, number(one.starts)),
    h("td", { class: "number" }, number(one.peak)),
    h("td", null, one.advice ? t("forecast.jitter-short", { jitter: duration(one.advice.jitter_sec * 1_000), leaves: number(one.advice.leaves) }) : "–"),
  );
  const titles = /** @type {const} */ ([["host", ""], ["forecast.jobs", "number"], ["plot.starts", "number"], ["forecast.peak", "number"], ["forecast.advice", ""]]);
  const head = titles.map(([key, kind]) => h("th", { scope: "col", class: kind }, t(key)));
  return h("div", { class: "panel scroll", tabindex: "0", role: "region", "aria-label": t("forecast.hosts") }, h("table", null, h("thead", null, h("tr", null, head)), h("tbody", null, all.map(row))));
}

/**
 * @param {Host} host
 * @param {URLSearchParams} query
 * @param {string} zone
 */
function picture(host, query, zone) {
  const cell = query.get("cell") ?? "";
  const choose = (/** @type {string} */ date, /** @type {number} */ hour) => setQuery({ host: host.host, cell: cell === `${date} ${hour}` ? null : `${date} ${hour}` });
  return [
    heatMap(t("forecast.question", { host: host.host }), host.days, { most: Math.max(1, host.peak), chosen: cell, choose }),
    host.advice && panel(t("forecast.advice"), advice(host.advice, host.peak)),
    panel(t(cell ? "forecast.worst-of" : "forecast.worst", { hour: cell ? `${cell}:00` : "" }), worst(host, cell, zone)),
  ];
}

/**
 * @param {NonNullable<Host["advice"]>} found
 * @param {number} peak
 */
function advice(found, peak) {
  const values = { jitter: duration(found.jitter_sec * 1_000), jobs: number(found.jobs), peak: number(peak), leaves: number(found.leaves) };
  return h(
    "div",
    null,
    h("p", null, t("forecast.jitter", values)),
    h("pre", { tabindex: "0" }, `jitter_sec: ${found.jitter_sec}`),
    names(found.job_ids, found.jobs),
  );
}

/**
 * @param {Host} host
 * @param {string} cell
 * @param {string} zone
 */
function worst(host, cell, zone) {
  const shown = host.worst.filter((one) => !cell || [one.at, ...one.again].some((at) => cellOf(at) === cell));
  if (!shown.length) return h("p", { class: "none" }, t("forecast.no-worst"));
  return h("ul", { class: "lines" }, shown.map((one) => h(
    "li",
    null,
    h("p", null, timeNode(one.at, zone), " · ", t("forecast.by", { starts: number(one.starts), jobs: number(one.jobs) })),
    one.again.length > 0 && h("small", null, t("forecast.again", { times: one.again.slice(0, ALIKE).map((at) => exact(at, zone)).join(" · "), more: one.again.length > ALIKE ? "…" : "" })),
    names(one.job_ids, one.jobs),
  )));
}

/**
 * The day and hour of a time, as the service wrote it in its own zone.
 * @param {string} at
 */
function cellOf(at) {
  return `${at.slice(0, 10)} ${Number(at.slice(11, 13))}`;
}

/**
 * @param {string[]} ids
 * @param {number} all how many there are
 */
function names(ids, all) {
  const more = all - Math.min(ids.length, NAMED);
  return h("p", { class: "names" }, ids.slice(0, NAMED).map((one) => [jobLink(one), " "]), more > 0 && t("bulk.more", { count: number(more) }));
}
