// The next runs of a job, in its zone and the viewer's, with what is left out between them.

import { VIEWER_ZONE } from "../core/config.js";
import { bordersOf, dayOf } from "../core/days.js";
import { h } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { empty } from "../core/parts.js";
import { badge } from "../core/status.js";
import { clock, day, exact, timeNode } from "../core/times.js";

/** @typedef {{first: string, last: string, count: number, reason: string, name: string | null}} LeftOut */

/**
 * @param {{fire_times: string[], left_out: LeftOut[], timezone: string, paused: boolean}} found an answer of /preview
 * @param {any} job
 */
export function nextRuns(found, job) {
  const { fire_times: fires, left_out: stretches, timezone: zone } = found;
  const until = found.paused ? Date.parse(job.pause?.until ?? "9999-12-31") : 0;
  const last = fires.length ? Date.parse(fires.at(-1) ?? "") : Infinity;
  const rows = [
    ...fires.map((at) => ({ at: Date.parse(at), node: run(at, zone, Date.parse(at) < until) })),
    ...stretches.filter((one) => Date.parse(one.first) < last).map((one) => ({ at: Date.parse(one.first), node: leftOut(one, zone) })),
  ].sort((a, b) => a.at - b.at);
  if (!rows.length && job.after) return empty(t("job.runs-after"), t("job.runs-after-text"));
  if (!rows.length) return empty(t("job.no-more"), t("job.no-more-text"));
  return h("div", null, job.after && h("p", { class: "detail" }, t("job.runs-after-text")), h("p", { class: "detail" }, zoneLine(zone)), h("ul", { class: "lines" }, rows.slice(0, 16).map((one) => one.node)));
}

/** @param {string} zone */
function zoneLine(zone) {
  return zone === VIEWER_ZONE ? zone : t("job.zones", { zone, own: VIEWER_ZONE });
}

/**
 * @param {string} at
 * @param {string} zone
 * @param {boolean} isPaused
 */
function run(at, zone, isPaused) {
  const moment = Date.parse(at);
  const own = exact(moment, VIEWER_ZONE);
  const isSame = own.slice(0, 12) === exact(moment, zone).slice(0, 12) && clock(moment, zone) === clock(moment, VIEWER_ZONE);
  return h(
    "li",
    { class: isPaused ? "off" : null },
    h("span", { class: "row" }, timeNode(at, zone), isPaused && badge("paused"), clocks(moment, zone)),
    h("small", null, timeNode(at, zone, { relative: "due" }), !isSame && ` · ${t("time.yours", { time: own })}`),
  );
}

/**
 * @param {number} moment
 * @param {string} zone
 */
function clocks(moment, zone) {
  const { change } = bordersOf(dayOf(moment, zone), zone);
  return change !== 0 && badge("held", t(change > 0 ? "job.forward" : "job.back"));
}

/**
 * @param {LeftOut} one
 * @param {string} zone
 */
function leftOut({ first, last, count, reason, name }, zone) {
  const [begin, end] = [day(first, zone), day(last, zone)];
  const range = count === 1
    ? exact(first, zone)
    : begin === end
    ? `${begin}, ${clock(first, zone)} – ${clock(last, zone)}`
    : `${begin}, ${clock(first, zone)} – ${end}, ${clock(last, zone)}`;
  return h(
    "li",
    { class: "off" },
    h("span", { class: "row" }, badge("skipped", t("job.left-out", { count: number(count) })), coded("reason", reason), name && ` (${name})`),
    h("small", null, range),
  );
}
