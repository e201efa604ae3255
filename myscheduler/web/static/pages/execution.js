// What was sent, and what was answered? One execution with its attempts.

import { act, get, Problem } from "../core/api.js";
import { chainUrl, executionUrl, jobUrl, pageUrl, ZONE } from "../core/config.js";
import { ask, explain, notice } from "../core/dialogs.js";
import { h, refill } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { follow, live } from "../core/live.js";
import { actButton, executionLink, facts, jobLink, panel, shortList } from "../core/parts.js";
import { go } from "../core/router.js";
import { refusal } from "../core/session.js";
import { said } from "../core/said.js";
import { badge } from "../core/status.js";
import { duration, timeNode } from "../core/times.js";
import { attemptsPicture } from "../plots/attempts.js";
import { exchangePicture } from "../plots/exchange.js";
import { asCurl } from "./curl.js";
import { lateness } from "./ledger.js";

/** @typedef {import("./ledger.js").Execution} Execution */

/** @param {import("../core/router.js").Visit} visit */
export async function open({ params, signal }) {
  const node = h("div", { class: "page" });
  const read = () => get(`/executions/${encodeURIComponent(params.id)}`, {}, signal);
  let one = await read();
  const job = await get(`/jobs/${encodeURIComponent(one.job_id)}`, {}, signal).catch((error) => {
    if (error instanceof Problem && error.status === 404) return null; // it was deleted; its history is kept
    throw error;
  });
  const draw = () => refill(node, content(one, job));
  draw();
  const changed = async (/** @type {import("../core/live.js").Change} */ change) => {
    if (!change.all && !change.executions.has(one.execution_id)) return;
    one = await read().catch(() => one);
    if (!signal.aborted) draw();
  };
  follow("change", changed, signal);
  return { node, title: t("execution.title", { job: one.job_id }) };
}

/**
 * @param {any} one
 * @param {any} job `null` if it was deleted
 */
function content(one, job) {
  const zone = job?.timezone ?? ZONE;
  return [
    h("div", { class: "bar" }, h("h1", null, jobLink(one.job_id, job?.name)), badge(one.status), h("span", { class: "buttons" }, buttons(one, job))),
    panel(t("execution.what"), facts(what(one, zone))),
    panel(t("execution.attempts"), attempts(one, zone)),
    one.exchange && panel(t("exchange.title"), exchangePicture(one.exchange, zone)),
    answer(one),
    job?.target_url && panel(t("execution.request"), request(one, job)),
  ];
}

/**
 * @param {any} one
 * @param {string} zone
 * @returns {[string, import("../core/dom.js").Child][]}
 */
function what(one, zone) {
  const source = one.source;
  const next = (one.attempts_detail?.at(-1)?.number ?? 0) + 1;
  return [
    [t("ledger.slot"), timeNode(one.scheduled_at, zone)],
    [t("execution.slots"), one.slot_count > 1 && h("span", null, number(one.slot_count), " – ", timeNode(one.last_scheduled_at, zone))],
    [t("execution.why"), one.reason && coded("reason", one.reason)],
    [t("execution.started"), one.started_at && timeNode(one.started_at, zone)],
    [t("execution.next"), one.next_attempt_at && h("span", null, t("execution.attempt-waits", { number: next }), " · ", timeNode(one.next_attempt_at, zone))],
    [t("ledger.late"), one.started_at && lateness(one)],
    [t("ledger.took"), one.execution_time_ms !== null && duration(one.execution_time_ms)],
    [t("execution.status"), one.http_status_code],
    [t("execution.error"), said(one.error_message_coded, one.error_message)],
    [t("execution.note"), said(one.note_coded, one.note)],
    [t("ledger.kind"), `${coded("kind", one.kind)} (${coded("cause", one.cause)})`],
    [t("execution.by"), one.requested_by],
    [t("execution.rerun-of"), one.rerun_of && executionLink(one.rerun_of, h("code", null, one.rerun_of))],
    [t("chain.one"), one.chain_id && h("a", { href: chainUrl(one.chain_id) }, h("code", null, one.chain_id))],
    [t("execution.declared"), source && h("a", { href: jobUrl(one.job_id) }, h("code", null, `${source.file}:${source.line}`))],
    [t("now.revision"), one.revision && h("code", null, one.revision)],
    [t("execution.id"), h("code", null, one.execution_id)],
    [t("execution.trace"), one.trace_id && h("span", null, h("code", null, one.trace_id), " ", copyButton(one.trace_id, t("execution.copy-trace")))],
  ].map(([name, value]) => [/** @type {string} */ (name), value || null]);
}

/**
 * @param {any} one
 * @param {string} zone
 */
function attempts(one, zone) {
  const detail = one.attempts_detail ?? [];
  if (!detail.length) return h("p", { class: "none" }, t(one.started_at ? "execution.no-detail" : "execution.nothing-sent"));
  return attemptsPicture(detail, zone);
}

/** @param {any} one */
function answer(one) {
  if (!one.response) return null;
  const size = one.response_size ?? 0;
  const shown = new Blob([one.response]).size;
  const more = size > shown && h("small", null, t("execution.excerpt", { shown: number(shown), size: number(size) }));
  // what a target answered is only ever text
  return panel(t("execution.answer"), h("pre", { tabindex: "0" }, pretty(one.response)), { more });
}

/**
 * JSON with line breaks, if it is whole; everything else as it came.
 * @param {string} text
 */
function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

/**
 * @param {Execution} one
 * @param {any} job
 */
function request(one, job) {
  const text = asCurl(job, one);
  return h(
    "div",
    null,
    one.digest !== job.digest && h("p", { class: "detail" }, t("execution.changed-since")),
    h("pre", { tabindex: "0" }, text),
    h("p", { class: "buttons" }, copyButton(text)),
    h("small", null, t("execution.no-secrets")),
  );
}

/**
 * @param {string} text
 * @param {string} [label] what it is called where there are several
 */
function copyButton(text, label) {
  const copy = () => navigator.clipboard.writeText(text).then(() => notice(t("execution.copied")), () => notice(t("execution.not-copied"), { bad: true }));
  return h("button", { onclick: copy, "aria-label": label }, t("execution.copy"));
}

/**
 * @param {any} one
 * @param {any} job
 */
function buttons(one, job) {
  const target = job ?? { job_id: one.job_id, labels: {} };
  const rerun = actButton(t("execution.rerun"), () => askRerun(one, job), refusal("rerun_execution", target) || (job ? "" : t("execution.job-gone")));
  const others = [one.chain_id && h("a", { class: "button", href: chainUrl(one.chain_id) }, t("execution.chain")), all(one)];
  if (one.status !== "running") return [rerun, others];
  return [actButton(t("execution.cancel"), () => askCancel(one), refusal("cancel_execution", target), "danger"), others];
}

/** @param {any} one */
function all(one) {
  return h("a", { class: "button", href: pageUrl("/executions", { job: one.job_id }) }, t("execution.all"));
}

/**
 * @param {any} one
 * @param {any} job
 */
function askRerun(one, job) {
  /** @type {string[]} */
  const after = job.followed_by;
  const downstream = h("input", { type: "checkbox" });
  const choice = h("label", { class: "choice" }, downstream, t("execution.rerun-downstream", { jobs: shortList(after) }));
  return ask({
    title: t("execution.rerun-title", { job: job.name || one.job_id }),
    effect: t(job.status === "paused" ? "execution.rerun-paused" : "execution.rerun-effect"),
    fields: after.length ? [choice] : [],
    action: t("execution.rerun"),
    run: async () => {
      const isWhole = downstream.checked;
      const { execution_id: id } = await act(`/executions/${encodeURIComponent(one.execution_id)}/rerun`, isWhole ? { downstream: true } : {});
      live.soon();
      go(isWhole ? chainUrl(id) : executionUrl(id));
    },
  }).catch((error) => notice(explain(error), { bad: true }));
}

/** @param {any} one */
function askCancel(one) {
  return ask({
    title: t("execution.cancel-title"),
    effect: t("execution.cancel-effect"),
    action: t("execution.cancel"),
    danger: true,
    run: async () => {
      await act(`/executions/${encodeURIComponent(one.execution_id)}/cancel`, {});
      live.soon();
    },
  });
}
