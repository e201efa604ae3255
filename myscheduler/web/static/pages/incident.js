// What is wrong with this job, target or host, since which change, who was told, and who takes care? One incident.

import { get, Problem } from "../core/api.js";
import { pageUrl, ZONE } from "../core/config.js";
import { h, refill } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { follow } from "../core/live.js";
import { executionLink, facts, panel, scrollable, shortRevision } from "../core/parts.js";
import { loadMessages, said } from "../core/said.js";
import { badge } from "../core/status.js";
import { duration, timeNode } from "../core/times.js";
import { care, subjectLink, subjectName } from "./incident-care.js";
import { careButton } from "./incident-acts.js";

/** @typedef {import("../core/dom.js").Child} Child */
/** @typedef {import("./incident-care.js").Incident} Incident */
/** @typedef {{file: string, commit: string, author: string, at: string, subject: string, lines: string[] | null}} FileChange */
/**
 * @typedef {{
 *   channel: string, kind: string, at: string, state: string, attempts: number, next_at: string | null,
 *   error: string | null, error_coded: import("../core/said.js").Coded | null, settled_at: string | null,
 * }} Delivery
 */
/** @typedef {Incident & {change: FileChange | null, deliveries: Delivery[]}} Detail */

/** @param {import("../core/router.js").Visit} visit */
export async function open({ params, signal }) {
  await loadMessages("channels");
  const node = h("div", { class: "page" });
  const read = () => get(`/incidents/${encodeURIComponent(params.id)}`, {}, signal);
  /** @type {Detail} */
  let one = await read();
  const job = one.job_id && await get(`/jobs/${encodeURIComponent(one.job_id)}`, {}, signal).catch((error) => {
    if (error instanceof Problem && error.status === 404) return null; // it was deleted, which ended the incident
    throw error;
  });
  const draw = () => refill(node, content(one, job));
  draw();
  const changed = async (/** @type {import("../core/live.js").Change} */ change) => {
    const isTelling = one.deliveries.some(({ state }) => state === "waiting");
    if (!change.all && one.job_id && !change.jobs.has(one.job_id) && !isTelling) return;
    const before = JSON.stringify(one);
    one = await read().catch(() => one);
    if (!signal.aborted && JSON.stringify(one) !== before) draw();
  };
  follow("change", changed, signal);
  return { node, title: t("incidents.title", { job: job?.name || subjectName(one) }) };
}

/**
 * @param {Detail} one
 * @param {any} job `null` if it was deleted, or there is none
 */
function content(one, job) {
  const zone = job?.timezone ?? ZONE;
  const all = one.job_id && h("a", { class: "button", href: pageUrl("/incidents", { job: one.job_id, state: "all" }) }, t("incidents.of-job"));
  const state = one.open ? badge(one.kind) : [badge(one.kind), " ", badge("over", coded("incident-end", one.end_reason))];
  return [
    h("div", { class: "bar" }, h("h1", null, subjectLink(one, job?.name)), h("span", null, state), h("span", { class: "buttons" }, one.open && (job || !one.job_id) && careButton(one, job), all)),
    panel(t("incidents.what"), facts(what(one, zone))),
    one.kind === "failing" && panel(t("incidents.change"), since(one)),
    panel(t("incidents.told"), told(one.deliveries, zone)),
  ];
}

/**
 * @param {Detail} one
 * @param {string} zone
 * @returns {[string, Child][]}
 */
function what(one, zone) {
  const { first_execution_id: first, last_execution_id: last, acknowledged } = one;
  const execution = (/** @type {string | null} */ id) => id && executionLink(id, h("code", null, id));
  return [
    [t("incidents.care"), one.open ? care(one, zone) : acknowledged?.by],
    [t("incident.expires"), one.expires_at && timeNode(one.expires_at, zone)],
    [t("incidents.began"), h("span", null, timeNode(one.began_at, zone), " · ", timeNode(one.began_at, zone, { relative: true }))],
    [t("incidents.ended"), one.ended_at && timeNode(one.ended_at, zone)],
    [t("incidents.lasted"), one.ended_at && duration(Date.parse(one.ended_at) - Date.parse(one.began_at))],
    [t("incidents.end-reason"), one.end_reason && coded("incident-end", one.end_reason)],
    [t("incidents.failures"), one.failures ? number(one.failures) : null],
    [t("execution.error"), said(one.error_message_coded, one.error_message)],
    [t("incidents.first"), execution(first)],
    [t("incidents.last"), last !== first && execution(last)],
    [t("incidents.id"), h("code", null, one.incident_id)],
  ].map(([name, value]) => [/** @type {string} */ (name), value || null]);
}

/** @param {Detail} one */
function since({ change, revision, good_revision: good }) {
  const shown = (/** @type {string | null} */ name) => name && h("code", { title: name }, shortRevision(name));
  const revisions = facts([[t("incidents.failed-with"), shown(revision)], [t("incidents.good-with"), shown(good)]]);
  if (!change) return h("div", { class: "since" }, h("p", null, t(unknown(revision, good))), (revision || good) && revisions);
  const { commit, author, file, subject, lines } = change;
  const key = lines?.length ? "incidents.fails-since" : "incidents.fails-since-unseen";
  return h(
    "div",
    { class: "since" },
    facts([
      [t("incidents.commit"), h("code", { title: commit }, commit.slice(0, 12))],
      [t("incidents.author"), author],
      [t("incidents.when"), timeNode(change.at)],
      [t("incidents.subject"), subject],
      [t("incidents.file"), h("a", { href: pageUrl("/source", { q: file }) }, h("code", null, file))],
    ]),
    h("p", null, t(key, { commit: commit.slice(0, 12), author })),
    lines === null ? h("p", { class: "detail" }, t("frame.refused")) : lines.length > 0 && excerpt(file, lines),
    revisions,
  );
}

/**
 * Why it is not known which change it was.
 * @param {string | null} revision
 * @param {string | null} good
 */
function unknown(revision, good) {
  if (revision && !good) return "incidents.never-good";
  return revision && revision === good ? "incidents.same" : "incidents.no-commit";
}

/**
 * @param {string} file
 * @param {string[]} lines with `-` or `+` before those that were removed or added
 */
function excerpt(file, lines) {
  const rows = lines.map((line) => {
    const [sign, kind] = line.startsWith("+") ? ["+", "new"] : ["−", "old"];
    return h("div", { class: `code-line ${kind}` }, h("span", { class: "no" }, sign), h("span", { class: "text" }, line.slice(1), "\n"));
  });
  return h("div", { class: "code mono", tabindex: "0", role: "group", "aria-label": t("incidents.lines", { file }) }, rows);
}

/**
 * @param {Delivery[]} deliveries
 * @param {string} zone
 */
function told(deliveries, zone) {
  if (!deliveries.length) return h("p", { class: "none" }, t("incidents.nobody-told"));
  const head = [t("incidents.at"), t("incidents.channel"), t("incidents.notice"), t("jobs.state"), t("incidents.attempts"), t("execution.error")];
  const rows = deliveries.map((one) => [
    timeNode(one.at, zone), one.channel, coded("notice", one.kind), delivery(one, zone), number(one.attempts), said(one.error_coded, one.error),
  ]);
  return scrollable(
    t("incidents.told"),
    h("table", null, h("thead", null, h("tr", null, head.map((one) => h("th", { scope: "col" }, one)))), h("tbody", null, rows.map((row) => h("tr", null, row.map((cell) => h("td", null, cell)))))),
  );
}

/**
 * @param {Delivery} one
 * @param {string} zone
 */
function delivery(one, zone) {
  const next = one.attempts > 0 && one.next_at;
  const when = one.settled_at ?? next;
  const words = next ? [" ", t("incidents.next-try")] : null;
  return [badge(one.state, coded("delivery", one.state)), words, when && [" ", timeNode(when, zone, { relative: true })]];
}
