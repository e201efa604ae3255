// Times as text. A time is shown in the job's zone first, the viewer's beside it; how far it is away, with the exact time
// on hover and for screen readers.

import { VIEWER_ZONE, ZONE } from "./config.js";
import { h, setText } from "./dom.js";
import { LANGUAGE, t } from "./language.js";

let ahead = 0;

/**
 * The service's clock is the one that counts: what is shown as "in 3 min" should not depend on that of the viewer.
 * @param {string} at the time of an answer
 */
export function setClock(at) {
  const difference = Date.parse(at) - Date.now();
  if (Math.abs(difference - ahead) > 500) ahead = difference;
}

/** Milliseconds since 1970, by the service's clock. */
export function now() {
  return Date.now() + ahead;
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * @param {string} zone
 * @param {Intl.DateTimeFormatOptions} options
 */
function format(zone, options) {
  const key = zone + JSON.stringify(options);
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(LANGUAGE === "ja" ? "ja-JP" : "en-GB", { timeZone: known(zone), ...options });
    formats.set(key, found);
  }
  return found;
}

/**
 * A browser may lack a zone that the service has; then the service's offset is all there is, so UTC is shown by name.
 * @param {string} zone
 */
export function known(zone) {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return zone;
  } catch {
    return "UTC";
  }
}

const CLOCK = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const SHORT = /** @type {const} */ ({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const DAY = /** @type {const} */ ({ month: "short", day: "numeric", weekday: "short" });

/** @typedef {string | number | Date} Moment */

/**
 * @param {Moment} moment
 * @param {string} [zone]
 */
export function clock(moment, zone = ZONE) {
  return format(zone, SHORT).format(new Date(moment));
}

/**
 * @param {Moment} moment
 * @param {string} [zone]
 */
export function day(moment, zone = ZONE) {
  return format(zone, DAY).format(new Date(moment));
}

/**
 * "Tue, 1 Dec, 09:00:00 JST": all but the year, which is added if it is not the present one.
 * @param {Moment} moment
 * @param {string} [zone]
 */
export function exact(moment, zone = ZONE) {
  const date = new Date(moment);
  const isThisYear = wallTime(date.getTime(), zone).slice(0, 4) === wallTime(now(), zone).slice(0, 4);
  const options = { ...DAY, ...CLOCK, ...(isThisYear ? {} : { year: "numeric" }) };
  return `${format(zone, /** @type {any} */ (options)).format(date)} ${zoneName(date, zone)}`;
}

/**
 * The short name of a zone at a time ("JST", "GMT+2").
 * @param {Date} date
 * @param {string} zone
 */
function zoneName(date, zone) {
  const parts = format(zone, { timeZoneName: "short" }).formatToParts(date);
  return parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
}

/**
 * The time in the job's zone, and in the viewer's if that differs.
 * @param {Moment} moment
 * @param {string} [zone]
 */
export function both(moment, zone = ZONE) {
  const first = exact(moment, zone);
  const own = exact(moment, VIEWER_ZONE);
  const isSame = clock(moment, zone) === clock(moment, VIEWER_ZONE) && day(moment, zone) === day(moment, VIEWER_ZONE);
  return isSame ? first : `${first} (${t("time.yours", { time: own })})`;
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const walls = new Map();

/**
 * What a clock shows: "2026-11-30T09:00:00".
 * @param {number} at milliseconds since 1970
 * @param {string} zone
 */
export function wallTime(at, zone) {
  const found = walls.get(zone) ??
    new Intl.DateTimeFormat("sv-SE", { timeZone: known(zone), dateStyle: "short", timeStyle: "medium" });
  walls.set(zone, found);
  return found.format(at).replace(" ", "T");
}

/**
 * How far a zone is ahead of UTC, in milliseconds.
 * @param {number} at
 * @param {string} zone
 */
export function offsetOf(at, zone) {
  const whole = Math.floor(at / 1_000) * 1_000;
  return Date.parse(`${wallTime(whole, zone)}Z`) - whole;
}

/**
 * When a clock shows this time, in milliseconds since 1970: of two such times the first, and of a time that is skipped
 * the moment at which the clock jumps as far.
 * @param {string} wall "2026-11-30T09:00"
 * @param {string} zone
 */
export function instantOf(wall, zone) {
  const utc = Date.parse(`${wall}Z`);
  const [first, second] = [utc - 86_400_000, utc + 86_400_000].map((near) => utc - offsetOf(near, zone));
  return [Math.min(first, second), Math.max(first, second)].find((one) => one + offsetOf(one, zone) === utc) ?? first;
}

/**
 * When a day begins and ends in a zone, as RFC 3339 in UTC. Both are moments of the day.
 * @param {string} date YYYY-MM-DD
 * @param {string} zone
 * @returns {[from: string, until: string]}
 */
export function dayEdges(date, zone) {
  const next = new Date(Date.parse(`${date}T00:00:00Z`) + 86_400_000).toISOString().slice(0, 10);
  return [new Date(instantOf(`${date}T00:00`, zone)).toISOString(), new Date(instantOf(`${next}T00:00`, zone) - 1).toISOString()];
}

/** @type {[Intl.RelativeTimeFormatUnit, number][]} */
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
const relativeFormat = new Intl.RelativeTimeFormat(LANGUAGE, { style: "short", numeric: "always" });

/** @param {Moment} moment "in 3 min", "2 hr ago" */
export function relative(moment) {
  const seconds = (new Date(moment).getTime() - now()) / 1_000;
  const [unit, size] = UNITS.find(([, least]) => Math.abs(seconds) >= least * 1.5) ?? UNITS[3];
  const count = Math.trunc(seconds / size);
  const text = relativeFormat.format(count, unit);
  return count === 0 ? t("time.now") : LANGUAGE === "ja" ? text.replaceAll(" ", "") : text;
}

/**
 * "1.2 s", "3 min 4 s"
 * @param {number} milliseconds
 */
export function duration(milliseconds) {
  if (milliseconds < 1_000) return t("time.ms", { count: Math.round(milliseconds) });
  const seconds = milliseconds / 1_000;
  if (seconds < 60) return t("time.sec", { count: seconds < 10 ? seconds.toFixed(1) : Math.round(seconds) });
  const [minutes, rest] = [Math.floor(seconds / 60), Math.round(seconds % 60)];
  if (minutes < 60) return rest ? t("time.min-sec", { minutes, seconds: rest }) : t("time.min", { count: minutes });
  return t("time.hour-min", { hours: Math.floor(minutes / 60), minutes: minutes % 60 });
}

/**
 * The time of day or the day, and how far it is away; hovering shows the rest.
 * @param {string | null | undefined} moment
 * @param {string} [zone]
 * @param {{relative?: boolean | "due"}} [options] whether only the distance is shown; of what has not started though its
 *   time has come, that it is due
 */
export function timeNode(moment, zone = ZONE, options = {}) {
  if (!moment) return h("span", { class: "none" }, "–");
  const node = h("time", { datetime: moment, title: both(moment, zone), "data-zone": zone });
  if (options.relative) node.dataset.relative = String(options.relative);
  write(node);
  return node;
}

/**
 * @param {string} moment
 * @param {string | undefined} kind
 * @param {string} zone
 */
function textOf(moment, kind, zone) {
  if (kind === undefined) return exact(moment, zone);
  return kind === "due" && Date.parse(moment) <= now() ? t("time.due") : relative(moment);
}

/** @param {HTMLTimeElement} node */
function write(node) {
  const { zone = ZONE } = node.dataset;
  setText(node, textOf(node.dateTime, node.dataset.relative, zone));
}

/** Keeps "in 3 min" true. */
export function tick() {
  /** @type {NodeListOf<HTMLTimeElement>} */
  const nodes = document.querySelectorAll("time[data-relative]");
  nodes.forEach(write);
}
