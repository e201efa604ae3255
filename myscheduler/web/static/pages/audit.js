// Who changed what? The audit trail, the newest first, with filters in the URL.

import { get } from "../core/api.js";
import { h } from "../core/dom.js";
import { coded, t } from "../core/language.js";
import { empty } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { ACTIONS, auditRow, entryKey } from "./audit-rows.js";
import { NewestFirst } from "./newest-first.js";

/** How often it is looked for newer entries while things change, in milliseconds. */
const LOOK_EVERY = 10_000;
const FILTERS = /** @type {const} */ (["job", "action", "actor"]);

/** @param {import("../core/router.js").Visit} visit */
export function open(visit) {
  const options = ["", ...ACTIONS].map((one) => h("option", { value: one }, one ? coded("changed", one) : t("audit.all-actions")));
  const job = input("job", t("ledger.job"));
  const actor = input("actor", t("audit.actor"));
  const action = h("select", { onchange: () => setQuery({ action: action.value }) }, options);
  const controls = { job, action, actor };
  let lookedAt = Date.now();
  /** @type {NewestFirst<import("./audit-rows.js").Entry>} */
  const list = new NewestFirst({
    title: t("nav.audit"), kind: "audit", head: tableHead(),
    controls: [job, actor, h("label", { class: "choice" }, h("span", null, t("audit.action")), action)],
    showControls: (query) => {
      for (const name of FILTERS) if (controls[name] !== document.activeElement) controls[name].value = query.get(name) ?? "";
    },
    read: async (query, page) => {
      const [job_id, done, who] = FILTERS.map((name) => query.get(name));
      const found = await get("/audit", { job_id, action: done, actor: who, ...page }, visit.signal);
      return { items: found.entries, next: found.next_cursor };
    },
    keyOf: entryKey, make: auditRow,
    nothing: () => empty(t("audit.empty"), t("audit.empty-text")),
    isAffected: () => {
      if (Date.now() - lookedAt < LOOK_EVERY) return false;
      lookedAt = Date.now();
      return true;
    },
  }, visit);
  return list.opened();
}

/**
 * @param {string} name of the parameter
 * @param {string} label
 */
function input(name, label) {
  const changed = (/** @type {Event} */ event) => setQuery({ [name]: /** @type {HTMLInputElement} */ (event.target).value.trim() });
  return h("input", { type: "search", "aria-label": label, placeholder: label, spellcheck: "false", onchange: changed });
}

function tableHead() {
  const titles = [t("audit.when"), t("audit.who"), t("audit.what"), t("audit.details")];
  return h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, titles.map((one) => h("th", { scope: "col", role: "columnheader" }, one))));
}
