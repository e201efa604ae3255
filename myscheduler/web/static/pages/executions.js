// What happened at 03:00? The history of all jobs, the newest first, with filters in the URL.

import { get } from "../core/api.js";
import { t } from "../core/language.js";
import { empty } from "../core/parts.js";
import { Controls, filterOf } from "./execution-filters.js";
import { ledgerHead, ledgerRow } from "./ledger.js";
import { NewestFirst } from "./newest-first.js";

/** @typedef {import("./ledger.js").Execution} Execution */

/** @param {import("../core/router.js").Visit} visit */
export function open(visit) {
  const controls = new Controls(visit.query);
  /** @type {NewestFirst<Execution>} */
  const list = new NewestFirst({
    title: t("nav.executions"), kind: "ledger", head: ledgerHead({ hasJob: true }), controls: controls.nodes,
    showControls: (query) => controls.show(query),
    read: async (query, page) => {
      const found = await get("/executions", { ...filterOf(query), ...page }, visit.signal);
      return { items: found.executions, next: found.next_cursor };
    },
    keyOf: (one) => one.execution_id, make: row, refresh,
    nothing: () => empty(t("ledger.empty"), t("ledger.empty-text")),
    isAffected: (change) => change.all || change.executions.size > 0,
  }, visit);
  return list.opened();
}

/** @param {Execution} one */
function row(one) {
  const node = ledgerRow(one, { hasJob: true });
  node.dataset.status = one.status;
  return node;
}

/**
 * Rows show how their executions ended, except one that has the focus.
 * @param {Element[]} rows
 * @param {Execution[]} found
 */
function refresh(rows, found) {
  const current = new Map(found.map((one) => [one.execution_id, one]));
  for (const node of rows) {
    const one = current.get(node.getAttribute("data-key") ?? "");
    if (!one || node.contains(document.activeElement) || node.getAttribute("data-status") === one.status) continue;
    const next = row(one);
    next.dataset.key = one.execution_id;
    node.replaceWith(next);
  }
}
