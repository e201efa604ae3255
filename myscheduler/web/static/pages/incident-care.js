// Incidents in a few words: what is in trouble and with what, and who takes care of it.

import { incidentUrl, ZONE } from "../core/config.js";
import { h } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { jobLink } from "../core/parts.js";
import { now, timeNode } from "../core/times.js";

/**
 * @typedef {{
 *   incident_id: string, job_id: string | null, target: string | null, host: string | null,
 *   kind: "failing" | "late" | "circuit" | "certificate", open: boolean, began_at: string, noticed_at: string,
 *   expires_at: string | null, ended_at: string | null, end_reason: string | null, failures: number, error_message: string | null,
 *   error_message_coded?: import("../core/said.js").Coded, first_execution_id: string | null,
 *   last_execution_id: string | null, revision: string | null, good_revision: string | null,
 *   acknowledged: {by: string, at: string | null, until: string | null} | null,
 * }} Incident
 */

/**
 * What is in trouble: the page of the job, or the name of the target or host.
 * @param {Incident} one
 * @param {string} [name] that of the job
 */
export function subjectLink(one, name) {
  return one.job_id === null ? h("span", { class: "job" }, subjectName(one)) : jobLink(one.job_id, name);
}

/** @param {Incident} one */
export function subjectName(one) {
  return one.job_id ?? one.target ?? one.host ?? "";
}

/**
 * Whether somebody takes care of it now: an acknowledgement may have been for a while.
 * @param {Incident} one
 */
export function isCaredFor({ acknowledged }) {
  return acknowledged !== null && (acknowledged.until === null || Date.parse(acknowledged.until) > now());
}

/**
 * @param {Incident} one
 * @param {string} [zone]
 * @returns {import("../core/dom.js").Child}
 */
export function care(one, zone = ZONE) {
  const { by = "", until = null } = one.acknowledged ?? {};
  if (!isCaredFor(one)) return h("span", { class: "nobody" }, t("incident.nobody"));
  return until ? [t("incident.by-until", { name: by }), " ", timeNode(until, zone)] : t("incident.by", { name: by });
}

/**
 * How many failures since when, since when a run is late, or when a certificate expires; the time leads to the page of the incident.
 * @param {Incident} one
 * @param {string} [zone]
 */
export function begun(one, zone = ZONE) {
  const words = one.kind === "late" ? t("incident.late") : one.expires_at ? t("incident.expires") : t("incident.failures", { count: number(one.failures) });
  const time = timeNode(one.expires_at ?? one.began_at, zone, { relative: true });
  return [words, " ", h("a", { href: incidentUrl(one.incident_id) }, time)];
}
