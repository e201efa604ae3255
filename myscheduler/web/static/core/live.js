// Keeps the page true by polling: what changed since a sequence number, and then only that is read again. Nothing is asked
// for while the page is hidden; while the service can't be reached, ever more seldom.

import { get, Problem } from "./api.js";
import { setClock } from "./times.js";

const EVERY_MS = 2_000;
const LONGEST_MS = 15_000;

/**
 * @typedef {{jobs: Set<string>, executions: Set<string>, source: boolean, all: boolean}} Change
 *   `all` says that everything may have changed.
 */

/** Tells `change` (a `Change`), `now` (an answer of /now), `lost` and `back`. */
class Live extends EventTarget {
  /** @type {any} the last answer of /now */
  now = null;
  isLost = false;
  #seq = "";
  #wait = EVERY_MS;
  /** @type {number | undefined} */
  #timer;
  #isRunning = false;

  start() {
    this.#isRunning = true;
    document.addEventListener("visibilitychange", () => this.soon());
    addEventListener("online", () => this.soon());
    this.soon();
  }

  stop() {
    this.#isRunning = false;
    clearTimeout(this.#timer);
  }

  /** Looks at once, for example after an act of the viewer. */
  soon() {
    clearTimeout(this.#timer);
    this.#wait = EVERY_MS;
    if (this.#isRunning && !document.hidden) this.#timer = setTimeout(() => this.#poll(), 0);
  }

  async #poll() {
    try {
      await this.#look();
      this.#wait = EVERY_MS;
      this.#found();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.isOutage) this.#lose();
      this.#wait = Math.min(this.#wait * 1.5, LONGEST_MS);
    } finally {
      clearTimeout(this.#timer);
      if (this.#isRunning && !document.hidden) this.#timer = setTimeout(() => this.#poll(), this.#wait);
    }
  }

  async #look() {
    const known = this.#seq;
    const found = known ? await get("/changes", { since: known }) : null;
    if (found && found.seq === known && this.now && !this.isLost) return;
    const now = await get("/now");
    setClock(now.at);
    this.now = now;
    this.#seq = found ? found.seq : now.seq;
    this.#tell("now", now);
    if (found) this.#tell("change", this.#change(found));
  }

  /**
   * @param {{jobs: string[], executions: string[], source: boolean, reset: boolean}} found
   * @returns {Change}
   */
  #change(found) {
    return {
      jobs: new Set(found.jobs), executions: new Set(found.executions), source: found.source, all: found.reset,
    };
  }

  /**
   * Takes the failure of a page's own request as one of these, so that `back` follows, however short the outage was.
   * @param {unknown} error
   */
  failed(error) {
    if (error instanceof Problem && error.isOutage) this.#lose();
  }

  #lose() {
    if (this.isLost) return;
    this.isLost = true;
    this.#tell("lost", null);
  }

  #found() {
    if (!this.isLost) return;
    this.isLost = false;
    this.#tell("back", null);
    this.#tell("change", { jobs: new Set(), executions: new Set(), source: true, all: true });
  }

  /**
   * @param {string} name
   * @param {unknown} detail
   */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export const live = new Live();

/**
 * Listens until the signal is aborted.
 * @param {"change" | "now" | "lost" | "back"} name
 * @param {(detail: any) => void} listener
 * @param {AbortSignal} signal
 */
export function follow(name, listener, signal) {
  live.addEventListener(name, (event) => listener(/** @type {CustomEvent} */ (event).detail), { signal });
}
