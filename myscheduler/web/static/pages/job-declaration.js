// How a job is declared, as the fields of a manifest with file, line and revision; and who changed what, and when.

import { h } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { empty, shortRevision } from "../core/parts.js";
import { timeNode } from "../core/times.js";
import { codeFrame } from "./code-frame.js";

/** How many lines of the file are shown after the first one of the job. */
const EXCERPT = 20;
const CRON = ["minute", "hour", "day", "month", "day_of_week"];
const AFTER_SCHEDULE = [
  "after", "join", "when", "if_skipped", "requires", "timezone", "start_at", "end_at", "calendar", "blackout", "jitter_sec", "target", "target_url", "query", "method", "headers", "body",
  "form", "text", "base64", "multipart", "auth", "sign", "timeout_sec", "max_retries", "retry_backoff_sec", "retry", "expect", "extract",
  "chain_timeout_sec", "connect_timeout_sec", "follow_redirects", "tls", "proxy", "keep_response", "misfire_grace_time", "catchup", "max_instances", "overlap",
  "on_interrupt", "ping", "slo", "notify", "labels",
];
/** Of these, the ones that a job with `ping` does not have. */
const OF_CALLS = new Set(AFTER_SCHEDULE.slice(AFTER_SCHEDULE.indexOf("target_url"), AFTER_SCHEDULE.indexOf("ping")));
const PLAIN = /^(?!(?:true|false|null|yes|no|on|off|~)$)[\p{L}/](?:[\p{L}\p{N} _./+=-]|:(?! |$))*$/iu;

/** @param {{file: string, line: number}} source */
export function place({ file, line }) {
  return `${file}:${line}`;
}

/** @param {any} job */
export function declaration(job) {
  const { source } = job;
  const where = source
    ? [h("code", null, place(source)), source.revision && [" @ ", h("code", { title: source.revision }, shortRevision(source.revision))]]
    : t("job.owner-api");
  const isPaused = source && job.paused_by === place(source);
  return h(
    "div",
    null,
    h("p", { class: "detail" }, where, ` · ${t("job.updated")} `, timeNode(job.updated_at, job.timezone, { relative: true })),
    h("pre", { tabindex: "0", "aria-label": t("job.declared") }, yaml(fieldsOf(job))),
    source && h("details", { class: "as-table" }, h("summary", null, t("job.in-file")), codeFrame({ path: source.file, line: source.line }, { before: 0, after: EXCERPT })),
    source && h("p", { class: "detail" }, t(isPaused ? "job.unpause-in-git" : "job.edit-in-git", { place: place(source) }), " ", h("code", null, "paused: true")),
  );
}

/** @param {any} job */
function fieldsOf(job) {
  const { type: _type, interval_seconds: _seconds, run_date: _date, cron, ...schedule } = job.trigger_info;
  const times = cron ? { cron: Array.isArray(cron) ? cron.map(crontab) : crontab(cron), ...schedule } : schedule;
  const rest = AFTER_SCHEDULE.map((name) => [name, job[name]]).filter(([name, value]) => isSet(value) && !(name === "keep_response" && value) && !(job.ping && OF_CALLS.has(name)));
  return { job_id: job.job_id, ...(job.name !== job.job_id && { name: job.name }), ...times, ...Object.fromEntries(rest) };
}

/** @param {unknown} value */
function isSet(value) {
  return value !== null && value !== undefined && value !== 0 && (typeof value !== "object" || Object.keys(value).length > 0);
}

/** @param {Record<string, string> | string} cron */
function crontab(cron) {
  if (typeof cron === "string" || Object.keys(cron).some((one) => !CRON.includes(one))) return cron;
  return CRON.map((one) => cron[one] ?? "*").join(" ");
}

/**
 * @param {unknown} value
 * @param {string} [indent]
 * @returns {string}
 */
function yaml(value, indent = "") {
  if (Array.isArray(value)) return value.map((one) => `${indent}- ${isNested(one) ? yaml(one, `${indent}  `).trimStart() : scalar(one)}`).join("\n");
  return Object.entries(/** @type {object} */ (value)).map(([name, one]) =>
    isNested(one) ? `${indent}${scalar(name)}:\n${yaml(one, `${indent}  `)}` : `${indent}${scalar(name)}: ${scalar(one)}`
  ).join("\n");
}

/** @param {unknown} value */
function isNested(value) {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** @param {unknown} value */
function scalar(value) {
  return typeof value === "string" && PLAIN.test(value) ? value : JSON.stringify(value);
}

/**
 * @param {any[]} entries of the audit trail, newest first
 * @param {string} zone
 */
export function changes(entries, zone) {
  if (!entries.length) return empty(t("job.no-changes"));
  return h("ul", { class: "lines changes" }, entries.map((one) => change(one, zone)));
}

/**
 * @param {any} entry
 * @param {string} zone
 */
function change({ at, actor, action, detail }, zone) {
  const { source, fields, reason } = detail;
  const more = detail.more_fields ? t("job.more-fields", { count: number(detail.more_fields) }) : "";
  const hasDiff = action === "updated" || action === "adopted";
  return h(
    "li",
    null,
    h("span", { class: "row" }, h("strong", null, coded("changed", action)), timeNode(at, zone), h("span", { class: "none" }, actor)),
    source && h("small", null, h("code", null, place(source)), source.revision && ` @ ${shortRevision(source.revision)}`),
    reason && h("q", null, reason),
    hasDiff && fields?.length > 0 && h("ul", { class: "field-diff" }, fields.map(difference), more && h("li", null, more)),
  );
}

/** @param {{field: string, before: unknown, after: unknown}} one */
function difference({ field, before, after }) {
  const shown = (/** @type {unknown} */ value) => (typeof value === "string" ? value : JSON.stringify(value));
  return h("li", null, h("code", null, field), ": ", before !== null && h("del", null, shown(before)), before !== null && after !== null && " → ", after !== null && h("ins", null, shown(after)));
}
