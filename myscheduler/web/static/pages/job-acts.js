// What can be done with a job: run, pause, resume, delete.

import { act, get } from "../core/api.js";
import { pageUrl } from "../core/config.js";
import { dayAfter, dayOf } from "../core/days.js";
import { ask, explain, field, notice } from "../core/dialogs.js";
import { h, setText } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { live } from "../core/live.js";
import { actButton, shortList } from "../core/parts.js";
import { go } from "../core/router.js";
import { refusal } from "../core/session.js";
import { instantOf, now } from "../core/times.js";

/** If more slots than this are due, a catch-up runs only the last one. */
const MOST_CAUGHT_UP = 100;

/** @param {any} job */
export function buttons(job) {
  const isPaused = job.paused_by !== null;
  const byManifest = isPaused && job.paused_by !== job.pause?.by;
  const kept = byManifest ? t("job.paused-in", { place: job.paused_by }) : "";
  const resuming = kept || refusal("resume_job", job);
  return [
    actButton(t("action.run-now"), () => run(job), refusal("trigger_job", job), "primary"),
    isPaused
      ? [actButton(t("action.resume"), () => resume(job), resuming), !kept && actButton(t("job.catch-up"), () => catchUp(job), resuming)]
      : actButton(t("action.pause"), () => pause(job), refusal("pause_job", job)),
    job.owner === "api" && actButton(t("job.delete"), () => remove(job), refusal("delete_job", job), "danger"),
  ];
}

/** @param {any} job */
function name(job) {
  return job.name || job.job_id;
}

/**
 * @param {any} job
 * @param {string} action
 * @param {object} [body]
 */
function send(job, action, body) {
  return act(`/jobs/${encodeURIComponent(job.job_id)}/${action}`, body).finally(() => live.soon());
}

/**
 * What a run of it does to the jobs that run after it.
 * @param {any} job
 */
function followers(job) {
  return job.followed_by.length > 0 && h("p", null, t("run.followed", { jobs: shortList(job.followed_by) }));
}

/** @param {any} job */
function run(job) {
  const isPaused = job.paused_by !== null;
  return ask({
    title: t("run.title", { job: name(job) }),
    effect: [h("p", null, t(isPaused ? "run.paused" : "run.effect")), followers(job), h("p", { class: "detail" }, job.target_url ? `${job.method} ${job.target_url}` : t("run.expects"))],
    action: t("action.run-now"),
    run: async () => {
      const { status } = await send(job, "trigger");
      notice(t(status === "queued" ? "run.queued" : "run.started"));
    },
  });
}

/**
 * @param {any} job
 * @param {"pause" | "delete"} action
 * @returns {Promise<HTMLElement[]>} what it means for the jobs that run after this one
 */
async function effectsOn(job, action) {
  return job.followed_by.length ? (await import("./effects.js")).effectsOn(job, action) : [];
}

/** @param {any} job */
async function pause(job) {
  const effects = await effectsOn(job, "pause");
  const zone = job.timezone;
  const reason = h("input", { required: true, maxlength: 200, autofocus: true });
  const tomorrow = `${dayAfter(dayOf(now(), zone))}T09:00`;
  const until = h("input", { type: "datetime-local", value: tomorrow });
  return ask({
    title: t("pause.title", { job: name(job) }),
    effect: [h("p", null, t("pause.effect")), ...effects],
    fields: [field(t("pause.reason"), reason, t("pause.reason-hint")), field(`${t("pause.until")} (${zone})`, until, t("pause.until-hint"))],
    action: t("action.pause"),
    isReady: () => reason.value.trim() !== "",
    run: async () => {
      const at = until.value && new Date(instantOf(until.value, zone)).toISOString();
      await send(job, "pause", { reason: reason.value.trim(), ...(at && { until: at }) });
      notice(t("pause.done", { job: name(job) }), { undo: () => send(job, "resume") });
    },
  });
}

/** @param {any} job */
async function resume(job) {
  const { reason, until } = job.pause ?? {};
  const again = { reason: reason ?? "", ...(until && Date.parse(until) > now() && { until }) };
  try {
    await send(job, "resume");
    notice(t("resume.done", { job: name(job) }), { undo: () => send(job, "pause", again) });
  } catch (error) {
    notice(explain(error), { bad: true });
  }
}

/** @param {any} job */
async function catchUp(job) {
  const until = now();
  const from = Math.max(Date.parse(job.pause?.at ?? job.updated_at), until - job.misfire_grace_time * 1_000);
  const range = { from: new Date(from).toISOString(), until: new Date(Math.max(from, until)).toISOString() };
  try {
    const { jobs } = await get("/preview", { job_id: job.job_id, ...range, count: MOST_CAUGHT_UP + 1 });
    await confirmCatchUp(job, jobs[0].fire_times.length);
  } catch (error) {
    notice(explain(error), { bad: true });
  }
}

/**
 * @param {any} job
 * @param {number} due
 */
function confirmCatchUp(job, due) {
  const choices = ["last", "all"].map((one) => h("option", { value: one }, t(/** @type {any} */ (`resume.${one}`))));
  const which = h("select", { onchange: () => setText(effect, effectOf()) }, choices);
  const count = () => Math.min(due, which.value === "all" && due <= MOST_CAUGHT_UP ? due : 1);
  const effectOf = () => (due > MOST_CAUGHT_UP ? t("resume.too-many", { most: MOST_CAUGHT_UP }) : t("resume.effect", { count: number(count()) }));
  const effect = h("p", { role: "status" }, effectOf());
  return ask({
    title: t("resume.title", { job: name(job) }),
    effect: [effect, h("p", { class: "detail" }, t("resume.grace", { seconds: number(job.misfire_grace_time) }))],
    fields: [field(t("resume.which"), which)],
    action: t("action.resume"),
    run: async () => {
      await send(job, "resume", { catchup: which.value });
      notice(t("resume.done", { job: name(job) }));
    },
  });
}

/** @param {any} job */
async function remove(job) {
  const effects = await effectsOn(job, "delete");
  const typed = h("input", { autocomplete: "off", spellcheck: "false", autofocus: true });
  const isDone = await ask({
    title: t("delete.title", { job: name(job) }),
    effect: [h("p", null, t("delete.effect")), ...effects],
    fields: [field(t("delete.type", { id: job.job_id }), typed)],
    action: t("job.delete"),
    danger: true,
    isReady: () => typed.value === job.job_id,
    run: () => act(`/jobs/${encodeURIComponent(job.job_id)}`, undefined, { method: "DELETE" }),
  });
  if (!isDone) return;
  notice(t("delete.done", { job: name(job) }));
  go(pageUrl("/jobs"));
}
