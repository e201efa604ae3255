// Entries of the audit trail as rows: when, who, what, and the details of each action.

import { incidentUrl } from "../core/config.js";
import { h } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { executionLink, jobLink, shortRevision } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { badge } from "../core/status.js";
import { timeNode } from "../core/times.js";
import { condition } from "./edge-diff.js";
import { fieldDiff } from "./field-diff.js";

/** @typedef {import("../core/dom.js").Child} Child */
/** @typedef {{at: string, actor: string, action: string, job_id: string | null, detail: Record<string, any>}} Entry */

export const ACTIONS = /** @type {const} */ ([
  "created", "updated", "adopted", "deleted", "paused", "resumed", "pause-ended", "cancelled", "approved", "bulk-paused",
  "bulk-resumed", "bulk-triggered", "token-created", "token-revoked", "session-begun", "session-ended",
  "access-refused", "acknowledged", "unacknowledged",
]);
/** Those that take something away stand out, those that stop something are marked. */
const STATES = /** @type {Record<string, string>} */ ({
  created: "new", adopted: "new", updated: "changed", deleted: "deleted", approved: "deleted", paused: "paused",
  "bulk-paused": "paused", cancelled: "interrupted", "token-revoked": "held", "access-refused": "held",
});
/** Details that have words of their own; others are shown as they are. */
const KNOWN = new Set([
  "fields", "more_fields", "edges", "more_edges", "source", "removed_in", "reason", "until", "by", "since", "execution_id", "digest", "job_ids",
  "job_count", "revision", "counts", "selection", "cut", "token", "id", "role", "scope", "origin", "expires", "refused",
  "incident_id", "kind", "target", "host",
]);
const NAMED = 20;

/**
 * Entries have no ids; two of one moment differ in what they are about.
 * @param {Entry} one
 */
export function entryKey(one) {
  return [one.at, one.action, one.job_id, one.actor, one.detail.execution_id].join(" ");
}

/** @param {Entry} one */
export function auditRow(one) {
  const cell = (/** @type {string} */ name, /** @type {Child[]} */ ...content) => h("td", { class: name, role: "cell" }, content);
  return h(
    "tr",
    { role: "row" },
    cell("at", timeNode(one.at)),
    cell("who", whoDid(one)),
    cell("did", h("span", { class: "row" }, badge(STATES[one.action] ?? "scheduled", coded("changed", one.action)), one.job_id && jobLink(one.job_id))),
    cell("details", details(one)),
  );
}

/**
 * Leads to all that the same one did.
 * @param {Entry} one
 */
function whoDid(one) {
  return h("button", { class: "quiet link", title: t("audit.only-actor"), onclick: () => setQuery({ actor: one.actor }) }, coded("audit-actor", one.actor));
}

/** @param {Entry} one */
function details({ actor, detail }) {
  const { source, removed_in: removed, reason, until, by, execution_id: execution, digest, counts, selection } = detail;
  /** @type {Child[]} */
  const lines = [
    source && [h("code", null, `${source.file}:${source.line}`), " ", revision(source.revision)],
    removed && [t("audit.removed-in"), " ", revision(removed)],
    digest && [t("sync.digest"), " ", h("code", null, digest), " ", revision(detail.revision)],
    reason && `${t("pause.reason")}: ${reason}`,
    until && [t("pause.until"), " ", timeNode(until)],
    by && by !== actor && `${t("audit.paused-by")}: ${by}`,
    execution && executionLink(execution, h("code", null, execution)),
    detail.incident_id && [coded("state", detail.kind), " ", detail.target ?? detail.host, " ", h("a", { href: incidentUrl(detail.incident_id) }, h("code", null, detail.incident_id))],
    detail.job_count !== undefined && [t("plan.jobs", { count: number(detail.job_count) }), ": ", ids(detail.job_ids ?? [], detail.job_count)],
    selection && [t("audit.selection"), " ", jobsOf(selection)],
    ...accessOf(detail),
    counts && Object.entries(counts).map(([name, count]) => `${coded("audit-count", name)} ${number(Number(count))}`).join(", "),
    detail.cut && t("audit.cut"),
    ...Object.entries(detail).filter(([name, value]) => !KNOWN.has(name) && value !== null).map(([name, value]) => [`${name}: `, h("code", null, typeof value === "string" ? value : JSON.stringify(value))]),
  ];
  return [lines.filter(Boolean).map((one) => h("p", null, one)), edges(detail), changes(detail)];
}

/**
 * What is known of a token, a session, or a try to get in.
 * @param {Record<string, any>} detail
 * @returns {Child[]}
 */
function accessOf({ token, id, role, scope, origin, expires, refused }) {
  return [
    token && [t("sign-in.token"), ": ", h("strong", null, token), id && [" ", h("code", { class: "none" }, id)]],
    role && [t("audit.role"), ": ", coded("role", role)],
    scope && [t("audit.scope"), ": ", jobsOf(scope)],
    origin && [t("audit.origin"), ": ", coded("origin", origin)],
    expires !== undefined && [t("audit.expires"), ": ", expires === null ? t("audit.never") : timeNode(expires)],
    refused && `${t("execution.why")}: ${refused}`,
  ];
}

/**
 * The jobs that a scope or a selection is about.
 * @param {{labels?: Record<string, string | string[]>, ids?: string[], q?: string | null}} some
 */
function jobsOf({ labels = {}, ids: globs = [], q }) {
  const some = [
    ...Object.entries(labels ?? {}).map(([name, values]) => `${name}=${[values].flat().join(" | ")}`), ...(globs ?? []), q && `“${q}”`,
  ].filter(Boolean);
  return some.length ? h("span", { class: "chips" }, some.map((one) => h("span", { class: "chip" }, one))) : t("audit.all-jobs");
}

/** @param {string | null | undefined} name */
function revision(name) {
  return name && h("code", { class: "none", title: name }, shortRevision(name));
}

/**
 * @param {string[]} names
 * @param {number} count of all of them
 */
function ids(names, count) {
  const shown = names.slice(0, NAMED);
  return [shown.map((id) => [jobLink(id), " "]), count > shown.length && t("bulk.more", { count: number(count - shown.length) })];
}

/**
 * The changed edges of chains.
 * @param {Record<string, any>} detail
 */
function edges({ edges: some, more_edges: more = 0 }) {
  if (!some?.length) return null;
  return [some.map(edge), more > 0 && h("p", { class: "detail" }, t("bulk.more", { count: number(more) }))];
}

/** @param {import("./edge-diff.js").EdgeChange} one */
function edge(one) {
  const values = { edge: `${one.from} → ${one.to}`, before: condition(one, one.before), after: condition(one, one.after) };
  return h("p", null, t(one.before === null ? "audit.edge-new" : one.after === null ? "audit.edge-removed" : "audit.edge-changed", values));
}

/**
 * The changed fields, drawn once they are opened.
 * @param {Record<string, any>} detail
 */
function changes({ fields, more_fields: more = 0 }) {
  if (!fields?.length && !more) return null;
  const body = h("div");
  const node = h("details", null, h("summary", null, t("audit.fields", { count: number(fields.length + more) })), body);
  node.addEventListener("toggle", () => {
    if (body.children.length) return;
    body.append(fieldDiff(fields));
    if (more) body.append(h("p", { class: "detail" }, t("bulk.more", { count: number(more) })));
  });
  return node;
}
