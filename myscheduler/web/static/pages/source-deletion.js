// A deletion that waits for a person, and approving it: exactly the jobs that are shown, by their digest.

import { act, get, Problem } from "../core/api.js";
import { ask, notice } from "../core/dialogs.js";
import { h } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { actButton, jobLink, panel } from "../core/parts.js";
import { said } from "../core/said.js";
import { refusalForAll } from "../core/session.js";

/** @typedef {{digest: string, reason: string, reason_coded?: import("../core/said.js").Coded, job_ids: string[], job_count: number}} Deletion */

/**
 * @param {Deletion} deletion
 * @param {boolean} isOld whether nothing can be approved at present
 * @param {(state: any) => void} came called with the state of the source after an approval, or with a newer one
 */
export function blockedDeletion(deletion, isOld, came) {
  const button = actButton(t("sync.approve"), () => approve(deletion, came), refusalForAll("approve_deletion"), "danger");
  return panel(
    t("now.blocked"),
    h(
      "div",
      null,
      h("p", null, said(deletion.reason_coded, deletion.reason)),
      h("p", { class: "names" }, deletion.job_ids.map((id) => [jobLink(id), " "]), more(deletion)),
      h("p", { class: "detail" }, t("sync.digest"), " ", h("code", null, deletion.digest), " · ", t("sync.restore")),
      h("p", { class: "buttons" }, isOld ? t("sync.blocked-old") : button),
    ),
    { class: "blocked" },
  );
}

/** @param {Deletion} deletion */
function more(deletion) {
  const count = deletion.job_count - deletion.job_ids.length;
  return count > 0 && t("bulk.more", { count: number(count) });
}

/**
 * Asks, and approves. If the deletion has become another one meanwhile, asks again, about that one.
 * @param {Deletion} deletion
 * @param {(state: any) => void} came
 * @param {boolean} isAnother
 */
async function approve(deletion, came, isAnother = false) {
  /** @type {any} */
  let newer = null;
  const rest = more(deletion);
  await ask({
    title: t("sync.approve-title", { count: number(deletion.job_count) }),
    effect: [
      isAnother && h("p", { class: "failure", role: "alert" }, t("sync.changed")),
      h("p", null, t("sync.approve-effect")),
      h("ul", { class: "scroll", tabindex: "0", "aria-label": t("nav.jobs") }, deletion.job_ids.map((id) => h("li", null, id)), rest && h("li", null, rest)),
      h("p", { class: "detail" }, t("sync.digest"), " ", h("code", null, deletion.digest)),
    ],
    action: t("sync.delete", { count: number(deletion.job_count) }),
    danger: true,
    run: async () => {
      try {
        const state = await act("/sync", { approve: deletion.digest });
        notice(t("sync.deleted", { count: number(state.counts.deleted) }));
        came(state);
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 409) throw error;
        newer = await get("/sync");
      }
    },
  });
  if (!newer) return;
  came(newer);
  if (newer.blocked_deletion) return approve(newer.blocked_deletion, came, true);
  notice(t("sync.nothing-waits"));
}
