// What pausing or deleting jobs means for those that run after them, to be shown before it is done.

import { get } from "../core/api.js";
import { explain } from "../core/dialogs.js";
import { h } from "../core/dom.js";
import { loadMessages, said } from "../core/said.js";

/** @typedef {{notes: string[], notes_coded: import("../core/said.js").Coded[]}} Effects */

/**
 * Asks the service. If that fails, it says so: the act itself may still work.
 * @param {{job_id: string}} job
 * @param {"pause" | "delete"} action
 */
export async function effectsOn(job, action) {
  try {
    return await effectLines(await get(`/jobs/${encodeURIComponent(job.job_id)}/effects`, { action }));
  } catch (error) {
    return [h("p", { class: "failure" }, explain(error))];
  }
}

/** @param {Effects | null} effects */
export async function effectLines(effects) {
  if (!effects?.notes.length) return [];
  await loadMessages("problems", "source");
  return effects.notes.map((note, i) => h("p", { class: "detail" }, said(effects.notes_coded[i], note)));
}
