// When a job runs, in Japanese, put together from the API's schedule_parts; the service itself says it in English.

import { wallTime } from "./core/times.js";

/** @typedef {{step: number, first: number, last: number} | number[][]} Values */

const WEEKDAYS = "月火水木金土日";
const UNITS = /** @type {Record<string, string>} */ ({
  years: "年", months: "か月", weeks: "週間", days: "日", hours: "時間", minutes: "分", seconds: "秒",
});

/** @param {any} parts as the API gives them */
export function scheduleInJapanese(parts) {
  const zone = parts.timezone;
  const said = [rhythm(parts), ...limits(parts, zone)];
  return said.filter(Boolean).join("、");
}

/** @param {any} parts */
function rhythm(parts) {
  const { kind, crons, every, anchor, at, weekday, day, month, timezone: zone } = parts;
  if (kind === "cron") return crons.map(cron).join("、および");
  if (kind === "once") return `${moment(at, zone)}(${WEEKDAYS[weekday - 1]})に1回`;
  if (kind === "after") return after(parts);
  const from = anchor ? `${moment(anchor, zone)}から数える` : "最初の登録から数える";
  const on = [month && `${month}月`, day && `${day}日`, weekday && `${WEEKDAYS[weekday - 1]}曜日`].filter(Boolean).join("");
  const clamped = parts.is_clamped ? "、短い月は月末日" : "";
  return `${length(every)}ごと${kind === "interval" ? "" : `${on && `の${on}`} ${at}`}(${from}${clamped})`;
}

const ENDS = /** @type {Record<string, string>} */ ({ success: "の成功", failure: "の失敗", always: "の終了" });

/** @param {any} parts */
function after({ after: edges, join, when }) {
  const named = edges.map((/** @type {any} */ { job, on }) => `${job}${ENDS[on ?? "success"]}`).join(join === "any" ? "または" : "と");
  return `${named}の後${when ? `(${when.job} の値による)` : ""}`;
}

/** @param {Record<string, number>} units */
function length(units) {
  return Object.entries(units).map(([unit, count]) => `${count}${UNITS[unit]}`).join("");
}

/**
 * @param {string} at
 * @param {string} zone
 */
function moment(at, zone) {
  return wallTime(Date.parse(at), zone).replace("T", " ").replace(/:00$/, "").replaceAll("-", "/");
}

/** @param {any} one a cron expression */
function cron(one) {
  const days = [
    one.years && `${values(one.years, "年")}の`,
    one.months && `${values(one.months, "月")}の`,
    one.weeks && `第${values(one.weeks, "週")}の`,
    daysOf(one),
  ];
  return `${days.filter(Boolean).join("")}${timesOf(one)}`;
}

/** @param {any} one */
function daysOf(one) {
  const month = [
    one.days && isSome(one.days) && `${values(one.days, "日")}`,
    one.last_day && "月末日",
    one.last_workday && "月の最終平日",
  ].filter(Boolean).join("・");
  const nth = (one.nth_weekdays ?? []).map((/** @type {any} */ each) => `${each.nth < 0 ? "最終" : `第${each.nth}`}${WEEKDAYS[each.weekday - 1]}曜日`);
  const week = [one.weekdays?.length ? weekdays(one.weekdays) : "", ...nth].filter(Boolean).join("・");
  if (month && week) return `${month}${one.day_match === "all" ? "で、かつ" : "、または"}${week}の`;
  if (month) return `${one.months ? "" : "毎月"}${month}の`;
  if (week) return `${nth.length ? "" : "毎週"}${week}の`;
  return one.times ? "毎日" : "";
}

/** @param {number[]} days 1 is Monday */
function weekdays(days) {
  const isRow = days.length > 2 && days.every((one, i) => i === 0 || one === days[i - 1] + 1);
  const names = days.map((one) => WEEKDAYS[one - 1]);
  return isRow ? `${names[0]}〜${names.at(-1)}曜日` : `${names.join("・")}曜日`;
}

/** @param {any} one */
function timesOf({ times, hours, minutes, seconds }) {
  if (times) return times.join("・");
  const isWhole = isZero(seconds);
  const parts = [
    hours && `${values(hours, "時")}の`,
    minutes ? (Array.isArray(minutes) ? `毎時${values(minutes, "分")}` : values(minutes, "分")) : isWhole && "毎分",
    !isWhole && (seconds ? (minutes ? `の${values(seconds, "秒")}` : `毎分${values(seconds, "秒")}`) : "毎秒"),
  ];
  return parts.filter(Boolean).join("");
}

/** @param {Values | undefined} found */
function isZero(found) {
  return Array.isArray(found) && found.length === 1 && found[0][0] === 0 && found[0][1] === 0;
}

/** @param {Values} found */
function isSome(found) {
  return !Array.isArray(found) || found.length > 0;
}

/**
 * @param {Values} found
 * @param {string} unit
 */
function values(found, unit) {
  if (Array.isArray(found)) return found.map(([first, last]) => (first === last ? `${first}${unit}` : `${first}〜${last}${unit}`)).join("・");
  return `${found.first > found.step || found.first > 1 ? `${found.first}${unit}から` : ""}${found.step}${unit === "時" ? "時間" : unit}ごと`;
}

/**
 * @param {any} parts
 * @param {string} zone
 */
function limits({ calendar, blackouts = [], not_before: start, only_before: end, jitter, gap, overlap }, zone) {
  const place = calendar && (calendar.name ? `カレンダー「${calendar.name}」` : calendar.country ?? "独自の休日");
  const closed = calendar && `${calendar.mode === "business_days" ? "土日と祝日" : "祝日"}(${place})`;
  const shifted = calendar?.shift && `なら${calendar.shift === "next" ? "翌" : "前"}営業日に移す`;
  return [
    closed && `${closed}${shifted || "は除く"}`,
    ...blackouts.map((/** @type {any} */ one) => one.cron ? `${cron(one.cron)}から${length(one.length)}は停止` : `${moment(one.start, zone)}〜${moment(one.end, zone)}は停止`),
    start && `${moment(start, zone)}以降`,
    end && `${moment(end, zone)}より前`,
    jitter && `最大${jitter.seconds}秒の分散`,
    gap && "時計の進みで存在しない時刻は飛ばす",
    overlap && "時計の戻りで二度ある時刻は両方",
  ];
}
