// The texts of the page, in English and Japanese. A text is a string with {names} in it, or a function of its values.

import { ZONE } from "./config.js";
import { keep, recall } from "./preferences.js";

/** @typedef {Record<string, string | number>} Values */

/**
 * @typedef {typeof import("../en.js").text
 *   & typeof import("../texts/audit.en.js").text & typeof import("../texts/chain.en.js").text
 *   & typeof import("../texts/execution.en.js").text
 *   & typeof import("../texts/forecast.en.js").text & typeof import("../texts/incidents.en.js").text
 *   & typeof import("../texts/jobs.en.js").text & typeof import("../texts/now.en.js").text
 *   & typeof import("../texts/plan.en.js").text & typeof import("../texts/source.en.js").text} Texts
 */

/** The texts of pages that no other page needs, in English and Japanese. */
const OF_PAGES = {
  audit: [() => import("../texts/audit.en.js"), () => import("../texts/audit.ja.js")],
  chain: [() => import("../texts/chain.en.js"), () => import("../texts/chain.ja.js")],
  execution: [() => import("../texts/execution.en.js"), () => import("../texts/execution.ja.js")],
  forecast: [() => import("../texts/forecast.en.js"), () => import("../texts/forecast.ja.js")],
  incidents: [() => import("../texts/incidents.en.js"), () => import("../texts/incidents.ja.js")],
  jobs: [() => import("../texts/jobs.en.js"), () => import("../texts/jobs.ja.js")],
  now: [() => import("../texts/now.en.js"), () => import("../texts/now.ja.js")],
  plan: [() => import("../texts/plan.en.js"), () => import("../texts/plan.ja.js")],
  source: [() => import("../texts/source.en.js"), () => import("../texts/source.ja.js")],
};

/** "en" or "ja". */
export const LANGUAGE = chosen();

const texts = /** @type {Texts} */ ({});
/** @type {(parts: Record<string, any>) => string} */
let scheduleWords;

/** Reads the texts; before that, there are none. */
export async function loadLanguage() {
  const [{ text }, words] = LANGUAGE === "ja"
    ? await Promise.all([import("../ja.js"), import("../ja-schedule.js")])
    : [await import("../en.js"), null];
  Object.assign(texts, text);
  if (words) scheduleWords = words.scheduleInJapanese;
}

/** @param {keyof typeof OF_PAGES} page */
export async function loadTexts(page) {
  const { text } = await OF_PAGES[page][LANGUAGE === "ja" ? 1 : 0]();
  Object.assign(texts, text);
}

/**
 * When a job runs, in words.
 * @param {string} english as the service says it
 * @param {Record<string, any> | null | undefined} parts
 * @param {string} [zone] of the job; it is named if it is not the service's
 */
export function schedule(english, parts, zone = ZONE) {
  const words = parts && scheduleWords ? scheduleWords(parts) : english;
  return zone === ZONE ? words : `${words} · ${zone}`;
}

/** @returns {"en" | "ja"} */
function chosen() {
  const wanted = recall("language") ?? navigator.languages?.find((one) => /^(en|ja)\b/.test(one)) ?? "en";
  return wanted.startsWith("ja") ? "ja" : "en";
}

/**
 * The text with this key, in the viewer's language.
 * @param {keyof Texts} key
 * @param {Values} [values]
 * @returns {string}
 */
export function t(key, values = {}) {
  const text = texts[key] ?? key;
  if (typeof text === "function") return text(values);
  return text.replaceAll(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/**
 * The text of a code that the service sent, or `otherwise` (its English sentence) if there is none.
 * @param {string} prefix such as "reason"
 * @param {string | null | undefined} code
 * @param {string} [otherwise]
 * @param {Values} [values]
 */
export function coded(prefix, code, otherwise, values) {
  const key = `${prefix}.${code}`;
  return key in texts ? t(/** @type {keyof Texts} */ (key), values) : (otherwise ?? code ?? "");
}

const numbers = new Intl.NumberFormat(LANGUAGE);

/** @param {number} value */
export function number(value) {
  return numbers.format(value);
}

/** @param {"en" | "ja"} language */
export function setLanguage(language) {
  keep("language", language);
  location.reload();
}
