// What can be done about an incident: say that one takes care of it, or no longer does.

import { act } from "../core/api.js";
import { ZONE } from "../core/config.js";
import { ask, field, notice } from "../core/dialogs.js";
import { h } from "../core/dom.js";
import { t } from "../core/language.js";
import { live } from "../core/live.js";
import { actButton } from "../core/parts.js";
import { refusal, refusalForAll } from "../core/session.js";
import { instantOf } from "../core/times.js";
import { isCaredFor, subjectName } from "./incident-care.js";

/** @typedef {import("./incident-care.js").Incident} Incident */
/** @typedef {{job_id: string, name?: string | null, labels: Record<string, string>, timezone: string}} Job */

/**
 * @param {Incident} one that is open
 * @param {Job | null} job `null` for one of a target or host
 */
export function careButton(one, job) {
  if (isCaredFor(one)) {
    const why = job ? refusal("unacknowledge_incident", job) : refusalForAll("unacknowledge_incident");
    return actButton(t("incident.unacknowledge"), () => unacknowledge(one, job), why);
  }
  const why = job ? refusal("acknowledge_incident", job) : refusalForAll("acknowledge_incident");
  return actButton(t("incident.acknowledge"), () => acknowledge(one, job), why);
}

/**
 * @param {Incident} one
 * @param {"acknowledge" | "unacknowledge"} action
 * @param {object} [body]
 */
function send(one, action, body) {
  return act(`/incidents/${encodeURIComponent(one.incident_id)}/${action}`, body).finally(() => live.soon());
}

/**
 * @param {Incident} one
 * @param {Job | null} job
 */
function acknowledge(one, job) {
  const zone = job?.timezone ?? ZONE;
  const until = h("input", { type: "datetime-local", autofocus: true });
  const name = job?.name || subjectName(one);
  return ask({
    title: t("incident.acknowledge-title", { job: name }),
    effect: h("p", null, t("incident.acknowledge-effect")),
    fields: [field(`${t("pause.until")} (${zone})`, until, t("incident.until-hint"))],
    action: t("incident.acknowledge").replace("…", ""),
    run: async () => {
      await send(one, "acknowledge", until.value ? { until: new Date(instantOf(until.value, zone)).toISOString() } : {});
      notice(t("incident.acknowledge-done", { job: name }), { undo: () => send(one, "unacknowledge") });
    },
  });
}

/**
 * @param {Incident} one
 * @param {Job | null} job
 */
function unacknowledge(one, job) {
  const name = job?.name || subjectName(one);
  return ask({
    title: t("incident.unacknowledge-title", { job: name }),
    effect: h("p", null, t("incident.unacknowledge-effect")),
    action: t("incident.unacknowledge").replace("…", ""),
    run: async () => {
      await send(one, "unacknowledge");
      notice(t("incident.unacknowledge-done", { job: name }));
    },
  });
}
