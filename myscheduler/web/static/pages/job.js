// When does this job run, and why didn't it? All about one job: its schedule, history, declaration and changes.

import { get, Problem } from "../core/api.js";
import { incidentUrl, pageUrl, ZONE } from "../core/config.js";
import { fill, h, refill } from "../core/dom.js";
import { number, schedule, t } from "../core/language.js";
import { follow } from "../core/live.js";
import { query as currentQuery } from "../core/router.js";
import { badge, jobState } from "../core/status.js";
import { chips, empty, executionLink, panel, shortRevision } from "../core/parts.js";
import { timeNode } from "../core/times.js";
import { careButton } from "./incident-acts.js";
import { begun, care } from "./incident-care.js";
import { buttons } from "./job-acts.js";
import { changes, declaration, place } from "./job-declaration.js";
import { JobDays } from "./job-days.js";
import { Ledger } from "./job-ledger.js";
import { nextRuns } from "./job-next.js";
import { Why } from "./job-why.js";

const FIRES = 8;
const CHANGES = 20;

/** @param {import("../core/router.js").Visit} visit */
export async function open({ params, query, signal }) {
  const page = new JobPage(params.id, signal);
  await page.start(query);
  return { node: page.node, title: page.job?.name || params.id, queryChanged: (/** @type {URLSearchParams} */ next) => page.queryChanged(next) };
}

class JobPage {
  /** @type {any} the job, or null if it was removed */
  job = null;
  /** What the parts that are made anew showed last. @type {Map<Element, string>} */
  #shown = new Map();
  /** The version of the job whose changes are shown. */
  #changesOf = "";

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   */
  constructor(id, signal) {
    this.id = id;
    this.path = `/jobs/${encodeURIComponent(id)}`;
    this.signal = signal;
    this.head = h("div", { class: "job-head" });
    this.acts = h("div", { class: "buttons" });
    this.remarks = h("ul", { class: "remarks" });
    this.next = h("div");
    this.declared = h("div");
    this.changed = h("div");
    this.chain = h("div", { class: "of-chains" });
    this.node = h("div", { class: "page one-job" });
  }

  /** @param {URLSearchParams} query */
  async start(query) {
    await this.#build(query);
    follow("change", (change) => this.#changes(change), this.signal);
  }

  /** @param {URLSearchParams} query */
  async #build(query) {
    this.job = await this.#read(this.path);
    const zone = this.job?.timezone ?? (await this.#read(`${this.path}/stats?days=1`))?.timezone;
    if (!zone) return fill(this.node, nothing(this.id));
    this.days = new JobDays(this.id, zone, this.signal);
    this.ledger = new Ledger(this.id, zone, this.signal);
    this.why = new Why(this.id, zone, this.signal);
    this.#layOut();
    this.#showJob();
    this.queryChanged(query);
    this.#readRest();
  }

  /**
   * @param {string} path
   * @returns {Promise<any>} null if there is no such job
   */
  async #read(path) {
    try {
      return await get(path, {}, this.signal);
    } catch (error) {
      if (error instanceof Problem && error.status === 404) return null;
      throw error;
    }
  }

  #layOut() {
    const { days, ledger, why } = this;
    if (!days || !ledger || !why) return;
    const side = h("div", { class: "page" }, this.job && panel(t("job.next"), this.next), days.objective, why.node);
    fill(
      this.node,
      h("div", { class: "job-top" }, this.head, this.acts),
      this.remarks,
      h("div", { class: "columns job-when" }, days.calendar, side),
      h("div", { class: "columns two" }, days.plots),
      this.chain,
      ledger.node,
      h("div", { class: "columns two" }, this.job && panel(t("job.declared"), this.declared), panel(t("job.changes"), this.changed)),
    );
  }

  /** @param {URLSearchParams} query */
  queryChanged(query) {
    this.ledger?.show(query);
    this.days?.choose(this.ledger?.day ?? "");
    this.why?.show(query);
  }

  /** @param {import("../core/live.js").Change} change */
  #changes(change) {
    if (!change.all && !change.jobs.has(this.id)) return;
    this.ledger?.refresh();
    this.#readJob().catch(later);
  }

  async #readJob() {
    const found = await this.#read(this.path);
    if (Boolean(found) !== Boolean(this.job)) { // it was removed, or came back
      this.#shown.clear();
      return this.#build(currentQuery());
    }
    this.job = found;
    this.#showJob();
    await this.#readRest();
  }

  /** What is asked for after the first picture is there. */
  async #readRest() {
    this.days?.read(this.job).catch(later);
    await this.#readChanges().catch(later);
    if (!this.job) return;
    this.#readChains().catch(later);
    const found = await get("/preview", { job_id: this.id, count: FIRES }, this.signal).catch(() => null);
    if (found) this.#fill(this.next, [found.jobs[0], this.job.pause], () => nextRuns(found.jobs[0], this.job));
  }

  /** Most jobs run alone: what tells of the others is loaded only for these. */
  async #readChains() {
    const { after, followed_by: followed, requires } = this.job;
    if (!after && !followed.length && !requires.length) return fill(this.chain);
    const { chainPart, readChains } = await import("./job-chain.js");
    const runs = await readChains(this.id, this.signal);
    this.#fill(this.chain, [after, followed, requires, runs], () => chainPart(this.job, runs));
  }

  /** Most of what happens to a job are executions, and these are no changes of it. */
  async #readChanges() {
    const { updated_at: at = "", pause = null, source = null } = this.job ?? {};
    const version = JSON.stringify([at, pause, source]);
    if (version === this.#changesOf) return;
    const { entries } = await get("/audit", { job_id: this.id, limit: CHANGES }, this.signal);
    this.#changesOf = version;
    this.#fill(this.changed, entries, () => changes(entries, ZONE));
  }

  #showJob() {
    const job = this.job;
    if (!job) {
      const text = [h("h1", { title: this.id }, this.id), badge("none", t("job.removed"))];
      return this.#fill(this.head, "removed", () => [h("div", { class: "job-title" }, text), h("p", { class: "detail" }, t("job.removed-text"))]);
    }
    const { name, status, held, source, labels, pause, paused_by, schedule_text } = job;
    const state = jobState({ ...job, failing: Boolean(job.failing_since), last_status: job.last_execution?.status });
    this.#fill(this.head, [name, state, source, labels, schedule_text], () => heading(job, state));
    this.#fill(this.acts, [status, pause, paused_by], () => buttons(job));
    this.#fill(this.remarks, [held, pause, paused_by, job.failing_since, job.queued_run, job.incidents], () => remarks(job));
    const { execution_count: _count, executions: _rows, last_execution: _last, next_run_time: _next, incidents: _incidents, ...fields } = job;
    this.#fill(this.declared, fields, () => declaration(job));
  }

  /**
   * Makes a part anew if what it shows has changed. The focus stays within it.
   * @param {HTMLElement} part
   * @param {unknown} data
   * @param {() => import("../core/dom.js").Child} make
   */
  #fill(part, data, make) {
    const text = JSON.stringify(data);
    if (this.#shown.get(part) === text) return;
    this.#shown.set(part, text);
    refill(part, make());
  }
}

/**
 * What could not be read now is read with the next change.
 * @param {unknown} error
 */
function later(error) {
  if (!(error instanceof Problem) && /** @type {Error} */ (error).name !== "AbortError") throw error;
}

/** @param {string} id */
function nothing(id) {
  const jobs = h("a", { href: pageUrl("/jobs", { q: id }) }, t("job.search"));
  return [h("h1", { class: "unseen" }, id), empty(t("job.unknown", { id }), t("job.unknown-text"), " ", jobs)];
}

/**
 * @param {any} job
 * @param {string} state
 */
function heading(job, state) {
  const isNamed = job.name?.trim() && job.name !== job.job_id;
  const owner = job.source ? place(job.source) : t("job.owner-api");
  return [
    h("div", { class: "job-title" }, h("h1", { title: job.name || job.job_id }, isNamed ? job.name : job.job_id), badge(state), isNamed && h("code", { title: job.job_id }, job.job_id)),
    h("p", { class: "words" }, schedule(job.schedule_text, job.schedule_parts, job.timezone)),
    h("p", { class: "detail" }, owner, " ", chips(job.labels)),
  ];
}

/**
 * What should be known before anything else: why it does not run, and since when it fails.
 * @param {any} job
 */
function remarks(job) {
  const { failing_since: failing, queued_run: queued, pause } = job;
  const zone = job.timezone;
  const isPaused = job.paused_by !== null;
  const byManifest = isPaused && job.paused_by !== pause?.by;
  /** @type {import("./incident-care.js").Incident[]} */
  const incidents = job.incidents;
  const isOfFailures = (/** @type {any} */ one) => failing && one.kind === "failing";
  const lines = [
    ...incidents.filter((one) => !isOfFailures(one)).map((one) => [badge(one.kind), begun(one, zone), careOf(one, job)]),
    byManifest && [badge("paused", t("state.paused")), t("job.paused-in", { place: job.paused_by })],
    isPaused && !byManifest && pauseLine(pause, zone),
    job.held && [badge("held"), t("job.held"), " ", h("a", { href: pageUrl("/source") }, t("nav.source"))],
    failing && [
      badge("failing"), t("job.failing", { count: number(failing.failures) }), " ",
      executionLink(failing.execution_id, timeNode(failing.scheduled_at, zone)),
      failing.revision && [" · ", h("code", { title: failing.revision }, shortRevision(failing.revision))],
      incidents.filter(isOfFailures).map((one) => [" · ", h("a", { href: incidentUrl(one.incident_id) }, t("incident.one")), careOf(one, job)]),
    ],
    queued && [badge("running", t("job.queued")), t("job.queued-text", { by: queued.requested_by }), " ", timeNode(queued.asked_at, zone, { relative: true })],
  ];
  return lines.filter(Boolean).map((line) => h("li", null, line));
}

/**
 * @param {import("./incident-care.js").Incident} one
 * @param {any} job
 */
function careOf(one, job) {
  return [h("span", null, care(one, job.timezone)), careButton(one, job)];
}

/**
 * @param {any} pause
 * @param {string} zone
 */
function pauseLine(pause, zone) {
  const who = t("job.paused-by", { by: pause?.by ?? "" });
  return [
    badge("paused"), who, pause?.at && [" ", timeNode(pause.at, zone, { relative: true })],
    pause?.reason && h("q", null, pause.reason),
    pause?.until ? [t("job.paused-until"), " ", timeNode(pause.until, zone)] : t("job.paused-open"),
  ];
}
