// The filters of the history: fields that change the URL, and what they mean for the API.

import { ZONE } from "../core/config.js";
import { isDay } from "../core/days.js";
import { h } from "../core/dom.js";
import { coded, t } from "../core/language.js";
import { setQuery } from "../core/router.js";
import { dayEdges } from "../core/times.js";

const STATUSES = /** @type {const} */ (["running", "completed", "failed", "skipped", "missed", "interrupted"]);
const KINDS = /** @type {const} */ (["scheduled", "manual"]);
/** The fields above the list, which change the URL. */
export class Controls {
  /** @param {URLSearchParams} query */
  constructor(query) {
    this.job = h("input", { type: "search", placeholder: t("ledger.job"), "aria-label": t("ledger.job"), spellcheck: "false", onchange: () => setQuery({ job: this.job.value.trim() }) });
    this.status = choice("status", t("jobs.state"), t("jobs.all-states"), STATUSES, (one) => coded("state", one));
    this.kind = choice("kind", t("ledger.kind"), t("ledger.all-kinds"), KINDS, (one) => coded("kind", one));
    this.day = h("input", { type: "date", "aria-label": t("ledger.day"), onchange: () => setQuery({ day: this.day.value, from: null, until: null }) });
    this.slower = h("input", { type: "number", min: 0, step: 100, "aria-label": t("ledger.slower"), placeholder: t("ledger.slower"), onchange: () => setQuery({ min_duration_ms: this.slower.value }) });
    this.later = h("input", { type: "number", min: 0, step: 100, "aria-label": t("ledger.later"), placeholder: t("ledger.later"), onchange: () => setQuery({ min_lateness_ms: this.later.value }) });
    this.nodes = [this.job, this.status, this.kind, h("label", { class: "choice" }, h("span", null, t("ledger.day")), this.day), this.slower, this.later];
    this.show(query);
  }

  /** @param {URLSearchParams} query */
  show(query) {
    const values = /** @type {[HTMLInputElement | HTMLSelectElement, string][]} */ ([
      [this.job, "job"], [this.day, "day"], [this.slower, "min_duration_ms"], [this.later, "min_lateness_ms"],
      [this.status.querySelector("select"), "status"], [this.kind.querySelector("select"), "kind"],
    ]);
    for (const [control, name] of values) control.value = query.get(name) ?? "";
  }
}

/**
 * @template {string} Value
 * @param {string} name of the parameter
 * @param {string} label
 * @param {string} all what the choice of none is called: where there is little room, it stands without the label
 * @param {readonly Value[]} values
 * @param {(value: Value) => string} textOf
 */
function choice(name, label, all, values, textOf) {
  const options = [h("option", { value: "" }, all), ...values.map((one) => h("option", { value: one }, textOf(one)))];
  const picked = (/** @type {Event} */ event) => setQuery({ [name]: /** @type {HTMLSelectElement} */ (event.target).value });
  return h("label", { class: "choice" }, h("span", null, label), h("select", { onchange: picked }, options));
}

/**
 * The parameters of the API. A day is one of the service's zone.
 * @param {URLSearchParams} query
 */
export function filterOf(query) {
  const day = query.get("day") ?? "";
  const [from, until] = isDay(day) ? dayEdges(day, ZONE) : [query.get("from"), query.get("until")];
  const text = (/** @type {string} */ name) => query.get(name);
  return {
    job_id: text("job"), chain: text("chain"), status: text("status"), reason: text("reason"), kind: text("kind"), label: query.getAll("label"),
    host: text("host"), min_duration_ms: text("min_duration_ms"), min_lateness_ms: text("min_lateness_ms"), from, until,
  };
}
