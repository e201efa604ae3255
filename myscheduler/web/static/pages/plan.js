// What would this YAML do? Problems while one types, and on request the changes with their times. Nothing is stored.

import { act, Problem } from "../core/api.js";
import { explain } from "../core/dialogs.js";
import { fill, h } from "../core/dom.js";
import { coded, number, schedule, t } from "../core/language.js";
import { empty, jobLink, panel } from "../core/parts.js";
import { loadMessages, loadProblems, said } from "../core/said.js";
import { badge } from "../core/status.js";
import { timeNode } from "../core/times.js";
import { edgeDiff, rootDiff } from "./edge-diff.js";
import { fieldDiff } from "./field-diff.js";
import { ruleAdvice } from "./rule-advice.js";

const PAUSE_MS = 500;
const SHOWN_PROBLEMS = 50;
const EXAMPLE = ["job_id: daily-report", "name: 日次レポート", 'cron: "30 10 * * mon-fri"', "timezone: Asia/Tokyo", "target_url: http://127.0.0.1:8003/health", ""].join("\n");

/** What was typed last: it is still there when one comes back to the page. */
let typed = "";

/** @typedef {{path: string, line: number, column: number, field: string, rule: string, severity: string, message: string,
 *   message_coded?: import("../core/said.js").Coded}} Found */

/** @param {import("../core/router.js").Visit} visit */
export async function open({ signal }) {
  await loadMessages("source");
  const text = h("textarea", { class: "mono", rows: 22, spellcheck: "false", autocapitalize: "off", "aria-label": t("plan.yaml"), placeholder: t("plan.placeholder"), value: typed });
  const verdict = h("div", { role: "status" });
  const changes = h("div", { class: "page" });
  const button = h("button", { class: "primary" }, t("plan.show"));
  const failed = (/** @type {unknown} */ error) => {
    if (signal.aborted) return;
    if (!(error instanceof Problem)) throw error;
    fill(verdict, h("p", { class: "failure", role: "alert" }, error.status === 429 ? t("plan.busy") : explain(error)));
  };

  let asked = 0;
  const check = async () => {
    const mine = ++asked;
    const found = text.value.trim() ? await act("/validate", { manifest: text.value }, { signal }) : null;
    await loadProblems(found?.problems ?? []);
    if (mine === asked) fill(verdict, found && problems(found, text));
    return found;
  };
  /** @type {number | undefined} */
  let timer;
  text.addEventListener("input", () => {
    typed = text.value;
    fill(changes);
    clearTimeout(timer);
    timer = setTimeout(() => check().catch(failed), PAUSE_MS);
  });
  signal.addEventListener("abort", () => clearTimeout(timer));
  button.addEventListener("click", async () => {
    button.disabled = true;
    const manifest = text.value;
    const checked = await check().catch(failed);
    const found = await act("/plan", { manifest }, { signal }).catch(failed);
    // the text may be another one by now; and of one with errors it is not known that nothing would change
    if (found && manifest === text.value) fill(changes, (found.changes.length > 0 || checked?.valid) && plan(found));
    button.disabled = false;
  });
  takeFiles(text);
  if (typed) check().catch(failed);
  const example = h("button", { class: "quiet", onclick: () => insert(text, EXAMPLE) }, t("plan.example"));
  const node = h(
    "div",
    { class: "page" },
    h("h1", null, t("nav.plan")),
    h("p", { class: "detail" }, t("plan.what")),
    h(
      "div",
      { class: "columns two" },
      h("div", { class: "panel editor" }, text, h("p", { class: "buttons" }, button, example)),
      h("div", { class: "page" }, verdict, changes),
    ),
  );
  return { node, title: t("nav.plan") };
}

/**
 * @param {HTMLTextAreaElement} text
 * @param {string} more
 */
function insert(text, more) {
  const before = text.value.trim();
  Object.assign(text, { value: before ? `${before}\n---\n${more}` : more });
  text.dispatchEvent(new Event("input"));
  text.focus();
}

/**
 * Files that are dropped become documents.
 * @param {HTMLTextAreaElement} text
 */
function takeFiles(text) {
  text.addEventListener("dragover", (event) => event.preventDefault());
  text.addEventListener("drop", async (event) => {
    const files = [...(event.dataTransfer?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    for (const file of files) insert(text, `# ${file.name}\n${await file.text()}`);
  });
}

/**
 * @param {{valid: boolean, jobs: number, problems: Found[]}} found
 * @param {HTMLTextAreaElement} text
 */
function problems(found, text) {
  const jobs = t("plan.jobs", { count: number(found.jobs) });
  if (!found.problems.length) return panel(t("plan.problems"), h("p", null, badge("ok", t("plan.valid")), " ", jobs));
  const more = found.problems.length - SHOWN_PROBLEMS;
  return panel(
    t("plan.problems"),
    h(
      "ul",
      { class: "lines" },
      found.problems.slice(0, SHOWN_PROBLEMS).map((one) => problemLine(one, text)),
      more > 0 && h("li", null, t("bulk.more", { count: number(more) })),
    ),
    { more: jobs },
  );
}

/**
 * @param {Found} one
 * @param {HTMLTextAreaElement} text
 */
function problemLine(one, text) {
  const state = one.severity === "error" ? "failed" : "held";
  return h(
    "li",
    null,
    h("span", { class: "row" }, badge(state, coded("severity", one.severity)), h("button", { class: "quiet link", onclick: () => show(text, one.line, one.column) }, t("plan.line", { line: one.line, column: one.column }))),
    h("p", null, one.field && h("strong", null, `${one.field}: `), said(one.message_coded, one.message)),
    ruleAdvice(one.rule),
  );
}

/**
 * Puts the caret at a place of the text, and scrolls there.
 * @param {HTMLTextAreaElement} text
 * @param {number} line from 1
 * @param {number} column from 1
 */
function show(text, line, column) {
  const lines = text.value.split("\n");
  const begin = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  const at = begin + Math.min(column - 1, lines[line - 1]?.length ?? 0);
  text.focus();
  text.setSelectionRange(at, begin + (lines[line - 1]?.length ?? 0));
  text.scrollTop = (line - 4) * (text.scrollHeight / Math.max(1, lines.length));
}

/** @param {any} found the answer of /plan */
function plan(found) {
  if (!found.changes.length) return empty(t("plan.nothing"), t("plan.nothing-text"));
  const starts = found.starts_per_day;
  const load = h("p", { class: "detail" }, t("plan.load", { before: number(starts.before), after: number(starts.after) }));
  return [h("div", { class: "panel" }, h("h2", null, t("plan.changes")), load), ...found.changes.map(change), found.roots.length > 0 && panel(t("plan.roots"), rootDiff(found.roots))];
}

/** @param {any} one */
function change(one) {
  const state = { create: "new", delete: "deleted", update: "changed" }[/** @type {string} */ (one.action)] ?? "held";
  return h(
    "section",
    { class: "panel" },
    h("header", null, h("h3", { class: "row" }, badge(state, coded("plan-action", one.action)), jobLink(one.job_id)), one.blocked && badge("held", t("plan.blocked"))),
    one.edges.length > 0 && edgeDiff(one.edges),
    one.fields.length > 0 && fieldDiff(one.fields),
    h("div", { class: "columns two" }, one.before && times(t("plan.before"), one.before), one.after && times(t("plan.after"), one.after)),
    one.notes.map((/** @type {string} */ note, /** @type {number} */ i) => h("p", { class: "detail" }, said(one.notes_coded?.[i], note))),
  );
}

/**
 * @param {string} title
 * @param {{timezone: string, schedule: string, schedule_parts?: Record<string, any>, fire_times: string[], paused: boolean}} side
 */
function times(title, side) {
  return h(
    "div",
    null,
    h("h3", null, title),
    h("p", null, schedule(side.schedule, side.schedule_parts), side.paused && badge("paused")),
    h("ol", { class: "fires" }, side.fire_times.map((one) => h("li", null, timeNode(one, side.timezone)))),
  );
}
