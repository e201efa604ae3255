// The rows of the list of jobs: read page by page in the order that the service gives, kept, and read again where
// something changed. Filtering is done here, so that a keystroke needs no request.

import { get } from "../core/api.js";
import { LANGUAGE } from "../core/language.js";

const PAGE = 1_000;
const FIRST_PAGE = 200;
const AT_ONCE = 100;
const STRIP = 20;

/**
 * @typedef {{
 *   job_id: string, name: string, owner: string, status: string, next_run_time: string | null, last_status: string | null,
 *   labels: Record<string, string>, target_url: string, timezone: string, held: boolean, failing: boolean,
 *   schedule_text: string, schedule_parts?: Record<string, any>, text: string, strip?: import("../plots/strip.js").Result[], version?: number,
 * }} Row
 */

/** @param {string} text case and the width of characters don't matter */
export function folded(text) {
  return text.normalize("NFKC").toLowerCase();
}

/** @param {Row} row */
function textOf(row) {
  const labels = Object.entries(row.labels).map(([name, value]) => `${name}=${value}`);
  return folded([row.job_id, row.name, row.target_url, ...labels].join("\n"));
}

export class JobRows {
  /** @type {Map<string, Row>} in the order of the list */
  rows = new Map();
  isComplete = false;
  /** Ids of which something changed since they were read. */
  #stale = new Set();
  /** @type {AbortController | null} */
  #reading = null;
  #isRefreshing = false;

  /** @param {() => void} changed called when there are other rows, or other things in them */
  constructor(changed) {
    this.changed = changed;
  }

  /**
   * Reads all rows. Those that are shown stay until the first page is there.
   * @param {string} sort as the API knows it
   * @param {AbortSignal} signal
   */
  async load(sort, signal) {
    this.#reading?.abort();
    const reading = (this.#reading = new AbortController());
    const either = AbortSignal.any([signal, reading.signal]);
    const before = this.rows;
    /** @type {Map<string, Row>} */
    const rows = new Map();
    this.isComplete = false;
    /** @type {string | null} */
    let cursor = null;
    do {
      const limit = cursor ? PAGE : FIRST_PAGE;
      const found = /** @type {{jobs: Row[], next_cursor: string | null}} */ (
        await get("/jobs", { compact: true, sort, limit, cursor }, either)
      );
      for (const row of found.jobs) rows.set(row.job_id, complete(row, before.get(row.job_id)));
      cursor = found.next_cursor;
      this.rows = rows;
      this.isComplete = cursor === null;
      this.changed();
    } while (cursor);
    this.#stale.clear();
  }

  /**
   * The rows that match.
   * @param {{text: string, labels: string[], state: string, owner: string}} filter
   * @param {(row: Row) => string} stateOf
   */
  matching(filter, stateOf) {
    const text = folded(filter.text.trim());
    const labels = filter.labels.map((one) => folded(one));
    return [...this.rows.values()].filter((row) =>
      (!text || row.text.includes(text)) &&
      labels.every((label) => row.text.split("\n").includes(label)) &&
      (!filter.state || stateOf(row) === filter.state) &&
      (!filter.owner || row.owner === filter.owner)
    );
  }

  /**
   * Notes what changed; what is shown is read again by `refresh`. New jobs come to the end of the list.
   * @param {Set<string>} ids
   * @param {AbortSignal} signal
   */
  async note(ids, signal) {
    for (const id of ids) this.#stale.add(id);
    const unknown = [...ids].filter((id) => !this.rows.has(id)).slice(0, AT_ONCE);
    if (this.isComplete && unknown.length) await this.#read(unknown, signal);
  }

  /**
   * Reads what is missing or stale of the rows that are shown: their results, and what changed.
   * @param {Row[]} shown
   * @param {AbortSignal} signal
   */
  async refresh(shown, signal) {
    if (this.#isRefreshing) return;
    const stale = shown.filter((row) => this.#stale.has(row.job_id)).map((row) => row.job_id);
    const bare = shown.filter((row) => !row.strip).map((row) => row.job_id);
    const wanted = [...new Set([...stale, ...bare])].slice(0, AT_ONCE);
    if (!wanted.length) return;
    this.#isRefreshing = true;
    try {
      if (stale.length) await this.#read(stale.slice(0, AT_ONCE), signal);
      const [{ strips }, { jobs }] = await Promise.all([
        get("/strips", { job_id: wanted, n: STRIP }, signal),
        LANGUAGE === "en" ? { jobs: [] } : get("/jobs", { job_id: wanted, fields: "job_id,schedule_parts", limit: AT_ONCE }, signal),
      ]);
      for (const one of strips) this.#add(one.job_id, { strip: one.results });
      for (const one of jobs) this.#add(one.job_id, { schedule_parts: one.schedule_parts });
    } finally {
      this.#isRefreshing = false;
    }
    this.changed();
  }

  /**
   * @param {string} id
   * @param {Partial<Row>} details
   */
  #add(id, details) {
    const row = this.rows.get(id);
    if (row) this.rows.set(id, { ...row, ...details });
  }

  /**
   * @param {string[]} ids
   * @param {AbortSignal} signal
   */
  async #read(ids, signal) {
    const { jobs } = await get("/jobs", { compact: true, job_id: ids, limit: ids.length }, signal);
    const found = new Map(jobs.map((/** @type {Row} */ row) => [row.job_id, row]));
    for (const id of ids) {
      this.#stale.delete(id);
      const row = found.get(id);
      if (row) this.rows.set(id, complete(row, this.rows.get(id)));
      else this.rows.delete(id);
    }
    this.changed();
  }
}

/**
 * A row with the text that filters look in, so that the first keystroke finds it, and with what is known of it.
 * @param {Row} row as it was read
 * @param {Row | undefined} before
 */
function complete(row, before) {
  const text = textOf(row);
  return before?.strip ? { ...row, text, strip: before.strip, schedule_parts: before.schedule_parts } : { ...row, text };
}
