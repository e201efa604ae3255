// Sentences of the service in the viewer's language: from their code and parameters where there is a text for the code,
// else in English as they came.

import { LANGUAGE } from "./language.js";
import { duration, exact } from "./times.js";

/** @typedef {{code: string, params: Record<string, any>, text: string}} Coded */

/** The texts by what they are about: each is read once something says it. */
const FILES = {
  calls: () => import("../ja-messages.js"),
  chains: () => import("../ja-chains.js"),
  channels: () => import("../ja-channels.js"),
  fields: () => import("../ja-fields.js"),
  failures: () => import("../ja-failures.js"),
  problems: () => import("../ja-problems.js"),
  refusals: () => import("../ja-refusals.js"),
  rules: () => import("../ja-rules.js"),
  source: () => import("../ja-source.js"),
};

/** @type {Record<string, string>} */
const messages = {};

/** @param {...keyof typeof FILES} names */
export async function loadMessages(...names) {
  if (LANGUAGE !== "ja") return;
  for (const { messages: found } of await Promise.all(names.map((one) => FILES[one]()))) Object.assign(messages, found);
}

/**
 * Reads the texts that problems of files need: those on rarer fields and on the rules of a source only if a problem says
 * one of them.
 * @param {readonly {message_coded?: Coded}[]} problems
 */
export async function loadProblems(problems) {
  if (problems.length) await loadMessages("problems");
  const codes = [...JSON.stringify(problems).matchAll(/"code":"([\w-]+)"/g)];
  const isAnyMissing = () => codes.some(([, code]) => !(code in messages));
  if (isAnyMissing()) await loadMessages("fields");
  if (isAnyMissing()) await loadMessages("rules");
}

/** An error up to its first text: with its code, and that of a sentence within it. */
const ERRORS = /"error\w*_coded":\s*\{.*?"text"/gs;

/**
 * Reads the texts of rare failures of calls if an error in an answer may be one of them.
 * @param {string} answer in JSON
 */
export async function loadFailures(answer) {
  if (LANGUAGE !== "ja") return;
  const codes = [...(answer.match(ERRORS) ?? []).join("").matchAll(/"code":\s*"([\w-]+)"/g)];
  if (codes.some(([, code]) => code !== "other" && !(code in messages))) await loadMessages("failures");
}

/**
 * @param {Coded | null | undefined} coded
 * @param {string | null} [english] what is shown without a code
 * @returns {string}
 */
export function said(coded, english = "") {
  const template = coded && messages[coded.code];
  return template ? rendered(template, coded.params) : (coded?.text ?? english ?? "");
}

/** `{name}`, `{name:kind}`, or `{name:kind?text}`, in whose text `{}` is the value; it is left out if the value is null. */
const PARAMETER = /\{\{|\}\}|\{(\w+)(?::([^{}?]*)(?:\?((?:[^{}]|\{\})*))?)?\}/g;

/**
 * @param {string} template
 * @param {Record<string, any>} params
 */
function rendered(template, params) {
  return template.replaceAll(PARAMETER, (whole, name, kind, around) => {
    if (!name) return whole[0];
    const value = params[name];
    if (around === undefined) return shown(value, kind);
    return value === null || value === undefined ? "" : around.replace("{}", shown(value, kind));
  });
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d/;

/**
 * @param {any} value
 * @param {string} [kind]
 * @returns {string}
 */
function shown(value, kind) {
  if (Array.isArray(value)) return value.map((one) => shown(one)).join(kind === "sentences" ? "" : "、");
  if (typeof value === "object" && value !== null) return said(value);
  if (kind?.endsWith("%")) return `${Math.round(value * 100)}%`;
  if (kind === "span") return duration(value * 1_000);
  if (kind === "weekday") return new Intl.DateTimeFormat(LANGUAGE, { weekday: "long", timeZone: "UTC" }).format(new Date(value));
  return typeof value === "string" && TIME.test(value) ? exact(value) : String(value);
}
