// Rows of the history: what ran, and what did not and why.

import { chainUrl, ZONE } from "../core/config.js";
import { h } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { executionLink, jobLink } from "../core/parts.js";
import { said } from "../core/said.js";
import { badge } from "../core/status.js";
import { both, duration, timeNode } from "../core/times.js";

/**
 * @typedef {{
 *   execution_id: string, job_id: string, status: string, reason: string | null, kind: string, cause: string,
 *   scheduled_at: string, last_scheduled_at: string, slot_count: number, started_at: string | null,
 *   completed_at: string | null, execution_time_ms: number | null, attempts: number, http_status_code: number | null,
 *   error_message: string | null, error_message_coded?: import("../core/said.js").Coded, note: string | null, requested_by: string | null, rerun_of: string | null,
 *   chain_id: string | null,
 *   response: string | null, response_size: number | null, revision: string | null, digest: string | null,
 *   source: {file: string, line: number, revision: string} | null,
 * }} Execution
 */

/** @param {{hasJob: boolean}} options whether the rows are of several jobs */
export function ledgerHead({ hasJob }) {
  const head = (/** @type {string} */ title, /** @type {string} */ name = "") => h("th", { scope: "col", role: "columnheader", class: name || null }, title);
  return h(
    "thead",
    { role: "rowgroup" },
    h(
      "tr",
      { role: "row" },
      head(t("ledger.slot")),
      hasJob && head(t("jobs.name")),
      head(t("jobs.state")),
      head(t("ledger.late"), "number"),
      head(t("ledger.took"), "number"),
      head(t("ledger.what")),
    ),
  );
}

/**
 * @param {Execution} one
 * @param {{hasJob: boolean, zone?: string, more?: import("../core/dom.js").Child}} options `more` follows what happened
 */
export function ledgerRow(one, { hasJob, zone = ZONE, more }) {
  const slots = one.slot_count > 1 &&
    h("small", { title: `… ${both(one.last_scheduled_at, zone)}` }, ` × ${number(one.slot_count)}`);
  const cell = (/** @type {string} */ name, /** @type {import("../core/dom.js").Child[]} */ ...content) =>
    h("td", { class: name, role: "cell" }, content); // roles, because narrow screens don't show it as a table
  return h(
    "tr",
    { role: "row" },
    cell("slot", executionLink(one.execution_id, timeNode(one.scheduled_at, zone)), slots),
    hasJob && cell("of", jobLink(one.job_id)),
    cell("state", badge(one.status)),
    cell("number late", lateness(one)),
    cell("number took", one.execution_time_ms === null ? "–" : duration(one.execution_time_ms)),
    cell("what", summary(one), one.chain_id && [summary(one) && " · ", h("a", { class: "of-chain", href: chainUrl(one.chain_id) }, t("chain.one"))], more && " ", more),
  );
}

/**
 * How long after its slot the first request was sent.
 * @param {Execution} one
 */
export function lateness(one) {
  if (!one.started_at || one.kind !== "scheduled") return "–";
  return duration(Math.max(0, Date.parse(one.started_at) - Date.parse(one.scheduled_at)));
}

/**
 * What happened, in a few words.
 * @param {Execution} one
 */
export function summary(one) {
  const parts = [
    one.reason && coded("reason", one.reason),
    one.http_status_code !== null && `HTTP ${one.http_status_code}`,
    one.http_status_code === null && !one.reason && said(one.error_message_coded, one.error_message),
    one.attempts > 1 && t("ledger.attempts", { count: one.attempts }),
    one.kind === "manual" && (one.requested_by ? t("ledger.manual-by", { name: one.requested_by }) : t("ledger.manual")),
    one.cause === "catch_up" && t("ledger.caught-up"),
  ];
  return parts.filter(Boolean).join(" · ");
}
