// The shared targets: which circuits are open, and what waits for them.

import { get } from "../core/api.js";
import { ZONE } from "../core/config.js";
import { fill, h } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { panel, scrollable } from "../core/parts.js";
import { badge } from "../core/status.js";
import { now, timeNode } from "../core/times.js";

/** The most targets shown: those in trouble, then those with the most calls. */
const SHOWN = 20;
const WARN_DAYS = 14;
const STATE_OF = /** @type {Record<string, string>} */ ({ closed: "ok", open: "failed", "half-open": "held" });

/**
 * Reads the targets anew, and shows nothing without any.
 * @param {HTMLElement} node
 * @param {AbortSignal} signal
 */
export async function showTargets(node, signal) {
  const { targets } = await get("/targets", {}, signal);
  if (!targets.length) return fill(node);
  const isInTrouble = (/** @type {any} */ one) => held(one) || endsSoon(one) || ["open", "half-open"].includes(one.circuit);
  const weight = (/** @type {any} */ one) => (isInTrouble(one) ? 1e9 : 0) + one.waiting + one.in_flight;
  const shown = [...targets].sort((a, b) => weight(b) - weight(a)).slice(0, SHOWN);
  const titles = [t("now.target"), t("now.circuit"), t("now.in-flight"), t("now.waiting"), t("now.held-until")];
  const isWide = shown.some(endsSoon);
  if (isWide) titles.push(t("now.certificate"));
  const head = titles.map((one, i) => h("th", { scope: "col", class: isNumber(i) }, one));
  const table = h("table", null, h("thead", null, h("tr", null, head)), h("tbody", null, shown.map((one) => row(one, isWide))));
  const more = targets.length > SHOWN && h("small", null, t("now.of-targets", { shown: SHOWN, count: number(targets.length) }));
  fill(node, panel(t("now.targets"), scrollable(t("now.targets"), table), { more: more || undefined }));
}

/** @param {number} column */
function isNumber(column) {
  return column === 2 || column === 3 ? "number" : null;
}

/**
 * @param {any} one
 * @param {boolean} isWide whether there is a column for certificates
 */
function row(one, isWide) {
  const until = held(one);
  const circuit = one.circuit && badge(STATE_OF[one.circuit] ?? one.circuit, coded("circuit", one.circuit));
  const cells = [one.name, circuit, number(one.in_flight), number(one.waiting), until && timeNode(until, ZONE, { relative: "due" })];
  if (isWide) cells.push(endsSoon(one) && h("span", { class: "failure" }, timeNode(one.certificate_expires_at, ZONE, { relative: true })));
  return h("tr", null, cells.map((cell, i) => h("td", { class: isNumber(i) }, cell)));
}

/**
 * Whether its certificate expires within 14 days, or has expired.
 * @param {any} one
 */
function endsSoon(one) {
  return Boolean(one.certificate_expires_at) && Date.parse(one.certificate_expires_at) - now() < WARN_DAYS * 86_400_000;
}

/**
 * Until when no call is sent.
 * @param {any} one
 * @returns {string | undefined}
 */
function held(one) {
  const times = [one.open_until, one.not_before].filter((time) => time && Date.parse(time) > now());
  return times.sort((a, b) => Date.parse(b) - Date.parse(a))[0];
}
