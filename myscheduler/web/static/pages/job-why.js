// Why did the job run at some time, or why not? Asked by a clock time of its zone, answered by the service.

import { get, Problem } from "../core/api.js";
import { explain, field } from "../core/dialogs.js";
import { fill, h } from "../core/dom.js";
import { t } from "../core/language.js";
import { executionLink, panel } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { loadMessages, said } from "../core/said.js";
import { badge } from "../core/status.js";
import { now, timeNode, wallTime } from "../core/times.js";

/** In place of a time: what is in progress, or else the last run. */
const LAST = "last";

export class Why {
  #asked = "";

  /**
   * @param {string} id
   * @param {string} zone
   * @param {AbortSignal} signal
   */
  constructor(id, zone, signal) {
    this.path = `/jobs/${encodeURIComponent(id)}/why`;
    this.zone = zone;
    this.signal = signal;
    this.at = h("input", { type: "datetime-local", step: "1", required: true, value: `${wallTime(now(), zone).slice(0, 16)}` });
    this.answer = h("div", { class: "answer", role: "status" });
    const ask = (/** @type {Event} */ event) => {
      event.preventDefault();
      if (this.at.value === this.#asked) this.#ask();
      else setQuery({ why: this.at.value });
    };
    const last = h("button", { type: "button", class: "quiet", onclick: () => (this.#asked === LAST ? this.#ask() : setQuery({ why: LAST })) }, t("why.last"));
    const form = h("form", { onsubmit: ask }, field(t("why.at", { zone }), this.at), h("button", null, t("why.ask")), last);
    this.node = panel(t("why.title"), [form, this.answer], { class: "why" });
  }

  /** @param {URLSearchParams} query */
  show(query) {
    const asked = query.get("why") ?? "";
    if (asked === this.#asked) return;
    this.#asked = asked;
    if (!asked) return fill(this.answer);
    if (asked !== LAST) this.at.value = asked;
    this.#ask().then(() => this.node.scrollIntoView({ block: "nearest" }));
  }

  async #ask() {
    try {
      const isLast = this.#asked === LAST;
      const asked = get(this.path, isLast ? {} : { at: this.#asked }, this.signal);
      const [found] = await Promise.all([asked, loadMessages("chains")]);
      if (found.slots.length && !isLast) this.at.value = this.#asked;
      fill(this.answer, this.#shown(found));
    } catch (error) {
      if (error instanceof Problem) fill(this.answer, h("p", { class: "failure" }, explain(error)));
    }
  }

  /** @param {any} found */
  #shown({ slots, remarks, remarks_coded: coded, previous_slot: previous, next_run: next }) {
    const nearby = (/** @type {string} */ moment) => setQuery({ why: wallTime(Date.parse(moment), this.zone) });
    return [
      slots.map((/** @type {any} */ one) => this.#slot(one)),
      remarks.map((/** @type {string} */ one, /** @type {number} */ i) => h("p", null, said(coded?.[i], one))),
      previous && h("p", { class: "detail" }, t("why.previous"), " ", timeNode(previous, this.zone), " ", h("button", { class: "quiet", onclick: () => nearby(previous) }, t("why.ask"))),
      next && h("p", { class: "detail" }, t("why.next"), " ", timeNode(next, this.zone)),
    ];
  }

  /** @param {any} slot */
  #slot(slot) {
    const time = timeNode(slot.scheduled_at, this.zone);
    const isToCome = !slot.status && Date.parse(slot.scheduled_at) > now();
    return h(
      "div",
      null,
      h("p", null, badge(slot.status ?? "scheduled", slot.status ? undefined : t(isToCome ? "why.to-come" : "why.unrecorded")), " ", slot.execution_id ? executionLink(slot.execution_id, time) : time),
      h("p", null, said(slot.sentence_coded, slot.sentence)),
    );
  }
}
