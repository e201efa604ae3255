// Acts on the selected jobs: first what would become of each, as the service says, then the act.

import { act } from "../core/api.js";
import { ask, explain, field, notice } from "../core/dialogs.js";
import { fill, h, setText } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { live } from "../core/live.js";
import { actButton } from "../core/parts.js";
import { refusal } from "../core/session.js";
import { effectLines } from "./effects.js";

/** @typedef {import("./job-rows.js").Row} Row */
/** @typedef {"pause" | "resume" | "trigger"} Action */

/** The most jobs that are acted on at once from a screen: more are not looked at before they are confirmed. */
const MOST = 50;
const NAMED = 8;

export class BulkBar {
  /** @type {Set<string>} */
  #chosen = new Set();

  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    this.text = h("span", { role: "status" });
    this.buttons = h("span", { class: "buttons" });
    this.node = h("div", { class: "bulk", hidden: true }, this.text, this.buttons);
  }

  /** @param {string} id */
  has(id) {
    return this.#chosen.has(id);
  }

  /**
   * @param {string} id
   * @param {boolean} isChosen
   */
  toggle(id, isChosen) {
    if (isChosen) this.#chosen.add(id);
    else this.#chosen.delete(id);
    this.#mark();
    this.changed();
  }

  /**
   * @param {Row[]} rows
   * @param {boolean} isChosen
   */
  toggleAll(rows, isChosen) {
    this.#chosen.clear();
    if (isChosen) rows.slice(0, MOST).forEach((row) => this.#chosen.add(row.job_id));
    if (isChosen && rows.length > MOST) notice(t("bulk.too-many", { most: MOST }));
    this.#mark();
    this.changed();
  }

  #mark() {
    for (const row of document.querySelectorAll(".rows .line")) {
      const box = row.querySelector("input");
      if (box && row instanceof HTMLElement) box.checked = this.has(row.dataset.key ?? "");
    }
  }

  /** @param {Row[]} rows */
  stateOf(rows) {
    const count = this.#chosen.size && rows.filter((row) => this.has(row.job_id)).length;
    return { checked: count > 0 && count === rows.length, indeterminate: count > 0 && count < rows.length };
  }

  /** @param {Map<string, Row>} rows */
  show(rows) {
    if (rows.size) for (const id of this.#chosen) if (!rows.has(id)) this.#chosen.delete(id);
    const count = this.#chosen.size;
    if ((count === 0) !== this.node.hidden) this.#build();
    this.node.hidden = !count;
    setText(this.text, count ? t("bulk.selected", { count: number(count) }) : "");
  }

  #build() {
    const button = (/** @type {Action} */ action, /** @type {string} */ text) =>
      actButton(text, () => this.#start(action), refusal(`${action}_jobs`));
    fill(
      this.buttons,
      button("pause", t("action.pause")),
      button("resume", t("action.resume")),
      button("trigger", t("action.run-now")),
      h("button", { class: "quiet", onclick: () => this.toggleAll([], false) }, t("action.cancel")),
    );
  }

  /** @param {Action} action */
  async #start(action) {
    const ids = [...this.#chosen];
    if (ids.length > MOST) return notice(t("bulk.too-many", { most: MOST }), { bad: true });
    try {
      const expected = await act(`/jobs/bulk/${action}`, { ids, dry_run: true });
      const effects = await effectLines(expected.effects);
      if (await this.#confirm(action, expected, effects)) this.toggleAll([], false);
    } catch (error) {
      notice(explain(error), { bad: true });
    }
  }

  /**
   * @param {Action} action
   * @param {any} expected the answer to the dry run
   * @param {HTMLElement[]} effects what it means for other jobs
   */
  #confirm(action, expected, effects) {
    const done = expected.jobs.filter((/** @type {any} */ one) => one.result === "done");
    const rest = expected.jobs.filter((/** @type {any} */ one) => one.result !== "done");
    const reason = h("input", { required: true, maxlength: 200 });
    // only what the question names: another's pause, with its reason, would be replaced by this one
    const named = done.map((/** @type {any} */ one) => one.job_id);
    const count = number(done.length);
    return ask({
      title: t(/** @type {any} */ (`bulk.title-${action}`), { count }),
      effect: [
        h("p", null, t(/** @type {any} */ (`bulk.effect-${action}`), { count })),
        names(named),
        ...effects,
        rest.length > 0 && names(rest.map((/** @type {any} */ one) => `${one.job_id}: ${one.detail ?? one.result}`), "rest"),
      ],
      fields: action === "pause" ? [field(t("pause.reason"), reason, t("pause.reason-hint"))] : [],
      action: t(action === "pause" ? "action.pause" : action === "resume" ? "action.resume" : "action.run-now"),
      isReady: () => done.length > 0 && (action !== "pause" || reason.value.trim() !== ""),
      run: async () => {
        const result = await act(`/jobs/bulk/${action}`, { ids: named, ...(action === "pause" ? { reason: reason.value.trim() } : {}) });
        notice(t("bulk.result", { done: result.done, skipped: result.skipped, refused: result.refused }));
        live.soon();
      },
    });
  }
}

/**
 * @param {string[]} texts
 * @param {string} [kind]
 */
function names(texts, kind) {
  const more = texts.length - NAMED;
  return h("ul", { class: kind ?? null }, texts.slice(0, NAMED).map((one) => h("li", null, one)), more > 0 && h("li", null, t("bulk.more", { count: number(more) })));
}
