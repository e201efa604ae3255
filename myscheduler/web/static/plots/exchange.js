// Where the time of a call went: its phases in one bar, over which connection, and until when its certificate is valid.

import { h, s } from "../core/dom.js";
import { number, t } from "../core/language.js";
import { facts } from "../core/parts.js";
import { exact, now, timeNode } from "../core/times.js";
import { figure } from "./figure.js";

const HEIGHT = 22;
const DAY = 86_400_000;
const WARN_DAYS = 14;

/** @typedef {{name: "dns" | "connect" | "tls" | "waiting" | "reading", ms: number}} Phase */

/**
 * @typedef {{dns_ms: number | null, connect_ms: number | null, tls_ms: number | null, first_byte_ms: number | null, total_ms: number,
 *   reused: boolean, redirects: number, address: string | null, proxy: string | null, request_size: number,
 *   tls_version: string | null, certificate_expires_at: string | null}} Exchange
 */

/**
 * @param {Exchange} one
 * @param {string} zone
 */
export function exchangePicture(one, zone) {
  const phases = phasesOf(one);
  const rows = [...phases.map(({ name, ms }) => row([swatch(name), " ", t(`exchange.${name}`)], ms)), row(t("exchange.total"), one.total_ms)];
  const table = h("table", { class: "phases" }, h("tbody", null, rows));
  return h("div", null, figure(t("exchange.question"), (width) => draw(width, phases), null), table, facts(connection(one, zone)));
}

/**
 * @param {import("../core/dom.js").Child} name
 * @param {number} ms
 */
function row(name, ms) {
  return h("tr", null, h("th", { scope: "row" }, name), h("td", { class: "number" }, t("exchange.ms", { count: number(ms) })));
}

/** @param {string} name */
function swatch(name) {
  return s("svg", { width: 10, height: 10, "aria-hidden": "true" }, s("rect", { class: `phase ${name}`, width: 10, height: 10 }));
}

/**
 * The phases that took place, in their order.
 * @param {Exchange} one
 */
function phasesOf(one) {
  const before = (one.dns_ms ?? 0) + (one.connect_ms ?? 0) + (one.tls_ms ?? 0);
  const answered = one.first_byte_ms ?? one.total_ms;
  const all = [
    { name: "dns", ms: one.dns_ms },
    { name: "connect", ms: one.connect_ms },
    { name: "tls", ms: one.tls_ms },
    { name: "waiting", ms: tenth(answered - before) },
    { name: "reading", ms: one.first_byte_ms === null ? null : tenth(one.total_ms - answered) },
  ];
  return /** @type {Phase[]} */ (all.filter(({ ms }) => ms !== null));
}

/** @param {number} ms */
function tenth(ms) {
  return Math.max(0, Math.round(ms * 10) / 10);
}

/**
 * @param {number} width
 * @param {Phase[]} phases
 */
function draw(width, phases) {
  const most = phases.reduce((sum, { ms }) => sum + ms, 0) || 1;
  let from = 0;
  const bars = phases.map(({ name, ms }) => {
    const wide = (ms / most) * width;
    const text = `${t(`exchange.${name}`)} ${t("exchange.ms", { count: number(ms) })}`;
    const bar = [
      s("rect", { class: `phase ${name}`, x: from, y: 0, width: wide, height: HEIGHT }, s("title", null, text)),
      wide > text.length * 11 && s("text", { class: "phase-name", x: from + 6, y: 15 }, text),
    ];
    from += wide;
    return bar;
  });
  return s("svg", { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": t("plot.see-table") }, bars);
}

/**
 * @param {Exchange} one
 * @param {string} zone
 * @returns {[string, import("../core/dom.js").Child][]}
 */
function connection(one, zone) {
  return [
    [t("exchange.address"), one.address && h("span", null, h("code", null, one.address), one.reused && ` (${t("exchange.reused")})`)],
    [t("exchange.proxy"), one.proxy && h("code", null, one.proxy)],
    [t("exchange.redirects"), one.redirects || null],
    [t("exchange.request-size"), one.request_size ? t("exchange.bytes", { count: number(one.request_size) }) : null],
    [t("exchange.tls-version"), one.tls_version],
    [t("exchange.certificate"), one.certificate_expires_at && expiry(one.certificate_expires_at, zone)],
  ];
}

/**
 * @param {string} at
 * @param {string} zone
 */
function expiry(at, zone) {
  const left = Date.parse(at) - now();
  const days = Math.floor(left / DAY);
  const text = left <= 0 ? t("exchange.expired") : t("exchange.expires", { count: days });
  return h("span", { class: left < WARN_DAYS * DAY ? "failure" : null, title: exact(at, zone) }, text, " · ", timeNode(at, zone));
}
