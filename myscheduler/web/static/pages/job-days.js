// The days of a job, past and to come, and how late and how long its executions were: what is read for the pictures.

import { get } from "../core/api.js";
import { bordersOf, dayAfter, dayOf } from "../core/days.js";
import { fill, h } from "../core/dom.js";
import { t } from "../core/language.js";
import { empty, panel } from "../core/parts.js";
import { now } from "../core/times.js";
import { calendar, mark } from "../plots/calendar.js";
import { objective } from "./job-objective.js";
import { scatter } from "../plots/scatter.js";

const DAYS = 35;
const POINTS = 1_000;
/** How often the pictures are made anew, in milliseconds: a job that runs every few seconds changes them little. */
const EVERY = 60_000;

/** @typedef {import("../plots/calendar.js").Day} Day */

export class JobDays {
  #readAt = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #chosen = "";
  /** What changes the days to come at once. */
  #version = "";

  /**
   * @param {string} id
   * @param {string} zone
   * @param {AbortSignal} signal
   */
  constructor(id, zone, signal) {
    this.path = `/jobs/${encodeURIComponent(id)}`;
    this.zone = zone;
    this.signal = signal;
    this.calendar = h("div");
    this.lateness = h("div");
    this.duration = h("div");
    this.objective = h("div", { hidden: true });
    this.plots = [this.lateness, this.duration];
    signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** @param {string} day that is chosen, or "" */
  choose(day) {
    this.#chosen = day;
    mark(this.calendar, day);
  }

  /** @param {any} job null if it was removed */
  async read(job) {
    clearTimeout(this.#timer);
    const wait = this.#readAt + EVERY - Date.now();
    const version = JSON.stringify([job?.digest, job?.paused_by, job?.pause]);
    if (wait > 0 && version === this.#version) {
      this.#timer = setTimeout(() => this.read(job).catch(() => null), wait);
      return;
    }
    this.#readAt = Date.now();
    this.#version = version;
    const [stats, ahead] = await Promise.all([
      get(`${this.path}/stats`, { days: DAYS, points: POINTS }, this.signal),
      job && get(`${this.path}/ahead`, { days: DAYS }, this.signal),
    ]);
    this.#draw(this.calendar, () => calendar(this.#daysOf(stats, ahead, job), this.zone));
    mark(this.calendar, this.#chosen);
    this.objective.hidden = !stats.slo;
    if (stats.slo) this.#draw(this.objective, () => objective(stats.slo));
    for (const [part, measure] of /** @type {const} */ ([[this.lateness, "lateness_ms"], [this.duration, "duration_ms"]])) {
      this.#draw(part, () => stats[measure] ? scatter(measure, stats, this.zone) : nothing(measure, stats.points.length > 0));
    }
  }

  /**
   * Draws anew, unless the viewer is at work in there.
   * @param {HTMLElement} part
   * @param {() => Element} make
   */
  #draw(part, make) {
    if (part.contains(document.activeElement) || part.querySelector("details[open]")) return;
    fill(part, make());
  }

  /**
   * @param {any} stats
   * @param {any} ahead null if the job was removed
   * @param {any} job
   * @returns {Day[]}
   */
  #daysOf(stats, ahead, job) {
    const today = dayOf(now(), this.zone);
    const past = new Map(stats.days.map((/** @type {any} */ one) => [one.date, one]));
    const coming = new Map((ahead?.days ?? []).map((/** @type {any} */ one) => [one.date, one]));
    const pausedUntil = job?.paused_by ? Date.parse(job.pause?.until ?? "9999-12-31") : 0;
    return Array.from({ length: job ? 2 * DAYS - 1 : DAYS }, (_, i) => {
      const date = dayAfter(today, i - DAYS + 1);
      const { end, change } = bordersOf(date, this.zone);
      return {
        date, change, isToday: date === today, past: past.get(date)?.statuses ?? null, ahead: coming.get(date) ?? null,
        isCounted: date >= stats.days_since, isPaused: date >= today && end <= pausedUntil,
      };
    });
  }
}

/**
 * @param {"lateness_ms" | "duration_ms"} measure
 * @param {boolean} hasRun
 */
function nothing(measure, hasRun) {
  const text = hasRun ? t("job.only-manual") : t("job.no-runs-text");
  return panel(t(`job.${measure}`), empty(t("job.no-runs"), text));
}
