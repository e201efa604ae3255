// Is it healthy, what runs, and what comes?

import { get } from "../core/api.js";
import { pageUrl, ZONE } from "../core/config.js";
import { fill, h, patched } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { follow, live } from "../core/live.js";
import { empty, executionLink, firstSteps, jobLink, panel, shortRevision, stat } from "../core/parts.js";
import { loadMessages, said } from "../core/said.js";
import { badge } from "../core/status.js";
import { now, timeNode } from "../core/times.js";
import { timeline } from "../plots/timeline.js";
import { begun, care, isCaredFor, subjectLink } from "./incident-care.js";
import { showTargets } from "./now-targets.js";

const HOUR = 3_600_000;
const SLOTS = 1_000;
const SHOWN = 10;
const HOSTS = 8;
/** How often the coming hour is read again, in milliseconds: it moves slowly. */
const AHEAD_EVERY = 20_000;

/** @param {import("../core/router.js").Visit} visit */
export async function open({ signal }) {
  await loadMessages("source", "channels");
  const stats = numbers();
  const incidents = h("ul", { class: "lines" });
  const health = h("div", { class: "columns two" });
  const hour = h("div");
  const targets = h("div");
  const running = h("ul", { class: "lines" });
  const coming = h("ul", { class: "lines" });
  const failed = h("ul", { class: "lines" });
  /** @type {{at: number, slots: any[]}} */
  const ahead = { at: 0, slots: [] };

  const show = async (/** @type {any} */ state) => {
    stats.show(state);
    const { newest = [] } = state.incidents ?? {};
    // an acknowledgement ends by itself, without a change of its incident
    lines(incidents, newest.slice(0, SHOWN), (/** @type {any} */ one) => `${one.incident_id} ${isCaredFor(one)}`, incidentLine, t("now.no-trouble"));
    fill(health, source(state.source), database(state.database), notifications(state.notifications));
    lines(running, state.executions.oldest, (one) => one.execution_id, runningLine, t("now.nothing-runs"));
    const failures = (state.failures ?? []).slice(0, SHOWN);
    lines(failed, failures, (/** @type {any} */ one) => one.execution_id, failedLine, t("now.nothing-failed"));
    if (Date.now() - ahead.at > AHEAD_EVERY) {
      ahead.at = Date.now();
      ahead.slots = await showAhead(hour, state.jobs.total > 0, signal);
      await showTargets(targets, signal);
    }
    const slots = ahead.slots.filter((one) => Date.parse(one.slot) > now()).slice(0, SHOWN);
    lines(coming, slots, (one) => `${one.job_id} ${one.slot_utc}`, comingLine, t("now.nothing-comes"));
  };
  await show(live.now ?? (await get("/now", {}, signal)));
  follow("now", (state) => show(state).catch(() => (ahead.at = 0)), signal);
  // a quiet service has no changes, and the hour moves nevertheless
  const timer = setInterval(() => live.now && !live.isLost && show(live.now).catch(() => null), AHEAD_EVERY);
  signal.addEventListener("abort", () => clearInterval(timer));
  const node = h(
    "div",
    { class: "page now" },
    h("h1", { class: "unseen" }, t("nav.now")),
    stats.node,
    panel(t("now.trouble"), incidents, { more: h("a", { href: pageUrl("/incidents") }, t("now.all")) }),
    health,
    hour,
    targets,
    h(
      "div",
      { class: "columns three" },
      panel(t("now.running"), running, { more: h("a", { href: pageUrl("/executions", { status: "running" }) }, t("now.all")) }),
      panel(t("now.coming"), coming, { more: h("a", { href: pageUrl("/jobs", { sort: "next_run" }) }, t("now.all")) }),
      panel(t("now.failed"), failed, { more: h("a", { href: pageUrl("/executions", { status: "failed" }) }, t("now.all")) }),
    ),
  );
  return { node, title: t("nav.now") };
}

function numbers() {
  const jobs = stat(t("now.jobs"), pageUrl("/jobs"));
  const failing = stat(t("now.failing"), pageUrl("/jobs", { state: "failing" }));
  const incidents = stat(t("now.incidents"), pageUrl("/incidents"));
  const inFlight = stat(t("now.in-flight"), pageUrl("/executions", { status: "running" }));
  const waiting = stat(t("now.waiting"), pageUrl("/jobs", { sort: "next_run" }));
  const paused = stat(t("now.paused"), pageUrl("/jobs", { state: "paused" }));
  const held = stat(t("now.held"), pageUrl("/jobs", { state: "held" }));
  const node = h("div", { class: "stats" }, [jobs, incidents, failing, inFlight, waiting, paused, held].map((one) => one.node));
  return {
    node,
    /** @param {any} state */
    show(state) {
      jobs.set(state.jobs.total);
      incidents.set(state.incidents?.open ?? null, "bad");
      failing.set(state.jobs.failing, "bad");
      inFlight.set(state.executions.in_flight, "busy");
      waiting.set(state.waiting.due + state.waiting.queued_runs + state.waiting.asked_runs, "warn");
      paused.set(state.jobs.paused, "rest");
      held.set(state.jobs.held, "warn");
    },
  };
}

/** @param {any} state */
function source(state) {
  const revision = state.last_applied_revision;
  const problems = state.problem_count > 0 &&
    h("p", null, badge("held", t("now.problems", { count: number(state.problem_count) })));
  const blocked = state.blocked_deletion && h("p", null, badge("drift", t("now.blocked")));
  return panel(
    t("nav.source"),
    h(
      "div",
      null,
      h("p", null, badge(state.condition, t(/** @type {any} */ (`source.${state.condition}`))), " ", timeNode(state.since, ZONE, { relative: true })),
      revision && h("p", { class: "detail" }, t("now.revision"), " ", h("code", { title: revision }, shortRevision(revision))),
      state.condition !== "Ready" && h("p", { class: "detail" }, said(state.message_coded, state.message)),
      problems,
      blocked,
    ),
    { more: h("a", { href: pageUrl("/source") }, t("now.details")) },
  );
}

/** @param {any} state */
function database(state) {
  const word = state.ok ? t("now.database-ok") : t("now.database-bad");
  const since = state.ok ? null : h("p", { class: "detail" }, t("now.well-at"), " ", timeNode(state.well_at, ZONE, { relative: true }));
  return panel(t("now.database"), h("div", null, h("p", null, badge(state.ok ? "ok" : "unreadable", word)), since, state.error && h("p", { class: "detail" }, said(state.error_coded, state.error))));
}

/** @param {any} state */
function notifications({ channels, failing }) {
  const words = channels ? h("p", null, badge("ok", t("now.channels-ok")), " ", t("now.channels", { count: number(channels) })) : h("p", { class: "none" }, t("now.no-channels"));
  return panel(t("now.notifications"), failing.length ? h("ul", { class: "lines" }, failing.map(channelLine)) : words);
}

/** @param {any} one */
function channelLine({ channel, failures, since, given_up: isGivenUp, error, error_coded: code }) {
  const tries = [t("now.tries", { count: number(failures) }), " ", timeNode(since, ZONE, { relative: true }), isGivenUp && ` · ${t("now.given-up")}`];
  return h("li", null, badge("failed", t("now.unheard")), " ", h("strong", null, channel), h("small", null, tries, ` · ${said(code, error)}`));
}

/** @param {any} one */
function incidentLine(one) {
  const why = said(one.error_message_coded, one.error_message);
  return h("li", { class: "trouble" }, h("span", { class: "row" }, badge(one.kind), subjectLink(one)), h("span", null, begun(one)), h("small", null, why), h("span", null, care(one)));
}

/**
 * Draws the coming hour, and returns the soonest slots.
 * @param {HTMLElement} hour
 * @param {boolean} hasJobs
 * @param {AbortSignal} signal
 */
async function showAhead(hour, hasJobs, signal) {
  const from = now();
  const found = await get("/upcoming", { until: new Date(from + HOUR).toISOString(), limit: SLOTS }, signal);
  const slots = found.upcoming.length ? found.upcoming : (await get("/upcoming", { limit: SHOWN }, signal)).upcoming;
  if (!found.upcoming.length) {
    fill(hour, panel(t("now.hour"), hasJobs ? empty(t("now.quiet"), t("now.quiet-text")) : empty(t("jobs.empty"), firstSteps())));
    return slots;
  }
  const isCut = found.count === SLOTS;
  const until = isCut ? Date.parse(found.upcoming[SLOTS - 1].slot) : from + HOUR;
  const title = isCut ? t("now.next-starts", { count: number(SLOTS) }) : t("now.hour");
  fill(hour, h("div", { class: "panel" }, timeline(title, { from, until, zone: ZONE, rows: byHost(found.upcoming) })));
  return slots;
}

/**
 * The starts of each host that is called; jobs that expect pings call none.
 * @param {{host: string, slot: string, name: string | null, job_id: string}[]} slots
 */
function byHost(slots) {
  /** @type {Map<string, {at: number, name: string}[]>} */
  const hosts = new Map();
  for (const one of slots) {
    if (!one.host) continue;
    if (!hosts.has(one.host)) hosts.set(one.host, []);
    hosts.get(one.host)?.push({ at: Date.parse(one.slot), name: one.name || one.job_id });
  }
  const sorted = [...hosts].sort((a, b) => b[1].length - a[1].length);
  const rows = sorted.slice(0, HOSTS).map(([label, starts]) => ({ label, starts }));
  const others = sorted.slice(HOSTS).flatMap(([, starts]) => starts).sort((a, b) => a.at - b.at);
  if (others.length) rows.push({ label: t("now.other-hosts", { count: sorted.length - HOSTS }), starts: others });
  return rows;
}

/**
 * @template Item
 * @param {HTMLElement} list
 * @param {Item[]} items
 * @param {(item: Item) => string} keyOf
 * @param {(item: Item) => Element} make
 * @param {string} nothing
 */
function lines(list, items, keyOf, make, nothing) {
  const isEmpty = items.length === 0;
  if (isEmpty !== list.classList.contains("nothing")) fill(list);
  list.classList.toggle("nothing", isEmpty);
  if (isEmpty) return fill(list, h("li", null, nothing));
  patched(list, items, keyOf, make);
}

/** @param {any} one */
function runningLine(one) {
  const waits = one.next_attempt_at && [` · ${t("now.attempt-waits", { number: one.attempt + 1 })} `, timeNode(one.next_attempt_at, ZONE, { relative: "due" })];
  const attempt = waits || (one.attempt > 1 && ` · ${t("attempt-n", { number: one.attempt })}`);
  return h("li", null, jobLink(one.job_id), h("small", null, executionLink(one.execution_id, timeNode(one.started_at ?? one.scheduled_at, ZONE, { relative: true })), at(one.host), attempt));
}

/** @param {any} one */
function comingLine(one) {
  return h("li", null, jobLink(one.job_id, one.name), h("small", null, timeNode(one.slot, one.timezone, { relative: "due" }), at(one.host)));
}

/** @param {string} host empty for a job that makes no call */
function at(host) {
  return host && ` · ${host}`;
}

/** @param {any} one */
function failedLine(one) {
  const why = one.error_message ? said(one.error_message_coded, one.error_message) : coded("reason", one.reason);
  return h(
    "li",
    null,
    h("span", { class: "row" }, badge(one.status), jobLink(one.job_id)),
    h("small", null, executionLink(one.execution_id, timeNode(one.completed_at ?? one.scheduled_at, ZONE, { relative: true })), why && ` · ${why}`),
  );
}

