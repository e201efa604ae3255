// What can be done with a run of a chain: cancel it, once it is clear what that ends.

import { act } from "../core/api.js";
import { pageUrl } from "../core/config.js";
import { ask, field, notice } from "../core/dialogs.js";
import { h } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { live } from "../core/live.js";
import { actButton } from "../core/parts.js";
import { refusal, refusalForAll } from "../core/session.js";

/** @typedef {import("./chain-run.js").Chain} Chain */
/** @typedef {import("./chain-run.js").Names} Names */

/** How many jobs a question names. */
const NAMED = 8;

/**
 * @param {Chain} chain
 * @param {Names} names
 */
export function chainButtons(chain, names) {
  const all = h("a", { class: "button", href: pageUrl("/executions", { chain: chain.chain_id }) }, t("chain.executions"));
  if (chain.status !== "running") return [all];
  // it needs the role for each job; for those that are not shown, everywhere
  const refusals = chain.nodes.map((one) => refusal("cancel_chain", { job_id: one.job_id, labels: null }));
  const why = chain.nodes_left_out ? refusalForAll("cancel_chain") : (refusals.find(Boolean) ?? "");
  return [actButton(t("chain.cancel"), () => askCancel(chain, names), why, "danger"), all];
}

/**
 * @param {Chain} chain
 * @param {Names} names
 */
function askCancel(chain, names) {
  const named = (/** @type {string} */ text, /** @type {string[]} */ statuses) => {
    const found = chain.nodes.filter((one) => statuses.includes(one.status)).map((one) => names.get(one.job_id) ?? one.job_id);
    if (!found.length) return null;
    const rest = found.length > NAMED && h("li", null, t("bulk.more", { count: number(found.length - NAMED) }));
    return [h("p", null, text), h("ul", null, found.slice(0, NAMED).map((one) => h("li", null, one)), rest)];
  };
  const reason = h("input", { maxlength: 200, autofocus: true });
  return ask({
    title: t("chain.cancel-title"),
    effect: [
      named(t("chain.cut-off"), ["running"]),
      named(t("chain.will-not-begin"), ["waiting", "not-reached"]),
      chain.nodes_left_out > 0 && h("p", null, t("chain.left-out-too", { count: number(chain.nodes_left_out) })),
      h("p", { class: "detail" }, t("chain.cancel-effect")),
    ],
    fields: [field(t("pause.reason"), reason)],
    action: t("chain.cancel"),
    danger: true,
    run: async () => {
      const text = reason.value.trim();
      const { executions } = await act(`/chains/${encodeURIComponent(chain.chain_id)}/cancel`, text ? { reason: text } : {});
      notice(t("chain.cancelled", { count: number(executions) }));
      live.soon();
    },
  });
}
