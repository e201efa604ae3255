// Incidents in a few words: what a job is in trouble with, and who takes care of it.

import { incidentUrl, ZONE } from "../core/config.js";
import { h } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { now, timeNode } from "../core/times.js";

/**
 * @typedef {{
 *   incident_id: string, job_id: string, kind: "failing" | "late", open: boolean, began_at: string, noticed_at: string,
 *   ended_at: string | null, end_reason: string | null, failures: number, error_message: string | null,
 *   error_message_coded?: import("../core/said.js").Coded, first_execution_id: string | null,
 *   last_execution_id: string | null, revision: string | null, good_revision: string | null,
 *   acknowledged: {by: string, at: string | null, until: string | null} | null,
 * }} Incident
 */

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
 * How many failures since when, or since when a run is late; the time leads to the page of the incident.
 * @param {Incident} one
 * @param {string} [zone]
 */
export function begun(one, zone = ZONE) {
  const words = one.kind === "late" ? t("incident.late") : t("incident.failures", { count: number(one.failures) });
  return [words, " ", h("a", { href: incidentUrl(one.incident_id) }, timeNode(one.began_at, zone, { relative: true }))];
}
