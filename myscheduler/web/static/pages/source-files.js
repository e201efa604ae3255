// The files of the source with their problems. There may be 10,000 files and 1,000 problems: files come a hundred at a
// time, and their problems once they are opened.

import { fill, h, keyed, patched, setText } from "../core/dom.js";
import { coded, number, t } from "../core/language.js";
import { empty, firstSteps, panel } from "../core/parts.js";
import { setQuery } from "../core/router.js";
import { said } from "../core/said.js";
import { badge } from "../core/status.js";
import { codeFrame, refreshFrames } from "./code-frame.js";
import { folded } from "./job-rows.js";
import { ruleAdvice } from "./rule-advice.js";

/** @typedef {{path: string, line: number, column: number, field: string, rule: string, severity: string, message: string, message_coded?: import("../core/said.js").Coded}} Found */
/** @typedef {{path: string, condition: string, jobs: number, problems: Found[], problem_count: number}} File */

const AT_ONCE = 100;
/** So many files with problems are open at first. */
const OPEN = 3;

export class SourceFiles {
  /** @type {File[]} */
  #files = [];
  #most = AT_ONCE;
  #wasShown = false;

  /**
   * @param {URLSearchParams} query
   * @param {AbortSignal} signal
   */
  constructor(query, signal) {
    this.query = query;
    this.signal = signal;
    this.search = h("input", { type: "search", "aria-label": t("files.filter"), placeholder: t("files.filter"), spellcheck: "false", oninput: () => setQuery({ q: this.search.value }, { replace: true }) });
    this.only = h("input", { type: "checkbox", onchange: () => setQuery({ files: this.only.checked ? "problems" : null }) });
    this.count = h("span", { class: "count", role: "status" });
    this.list = h("div", { class: "files" });
    this.nothing = h("div", { hidden: true });
    this.more = h("button", { hidden: true, onclick: () => this.#showMore() }, t("files.more"));
    const controls = h("div", { class: "bar" }, this.search, h("label", { class: "check" }, this.only, t("files.only")), this.count);
    this.node = panel(t("files.title"), h("div", null, controls, this.list, this.nothing, h("p", null, this.more)));
    this.#showControls();
  }

  /** @param {URLSearchParams} query */
  queryChanged(query) {
    this.query = query;
    this.#most = AT_ONCE;
    this.#showControls();
    this.#draw();
  }

  #showControls() {
    if (this.search !== document.activeElement) this.search.value = this.query.get("q") ?? "";
    this.only.checked = this.query.get("files") === "problems";
  }

  #showMore() {
    const first = this.list.children.length;
    this.#most += AT_ONCE;
    this.#draw();
    /** @type {HTMLElement | null | undefined} */ (this.list.children[first]?.querySelector("summary"))?.focus();
  }

  /**
   * @param {File[]} files
   * @param {any} state the answer of /sync
   */
  show(files, state) {
    this.#files = [...elsewhere(files, state.problems), ...files].sort((a, b) => Number(b.problem_count > 0) - Number(a.problem_count > 0) || (a.path < b.path ? -1 : 1));
    this.#draw();
    refreshFrames(this.list);
  }

  #draw() {
    const text = folded((this.query.get("q") ?? "").trim());
    const isOnly = this.query.get("files") === "problems";
    const found = this.#files.filter((one) => (!isOnly || one.problem_count > 0) && folded(one.path).includes(text));
    const troubled = this.#files.filter((one) => one.problem_count > 0).length;
    const opened = this.#wasShown || troubled > OPEN ? 0 : troubled;
    this.#wasShown = true;
    keyed(this.list, found.slice(0, this.#most), (one) => one.path, (one) => this.#make(one, opened > 0), (node, one) => this.#update(node, one));
    setText(this.count, t("files.count", { shown: number(found.length), total: number(this.#files.length), troubled: number(troubled) }));
    this.more.hidden = found.length <= this.#most;
    this.#showNothing(found.length);
  }

  /** @param {number} found */
  #showNothing(found) {
    this.nothing.hidden = found > 0;
    if (found) return;
    const clear = h("button", { onclick: () => setQuery({ q: null, files: null }) }, t("action.clear"));
    const isOnly = this.query.get("files") === "problems" && !this.query.get("q");
    if (!this.#files.length) return fill(this.nothing, empty(t("files.empty"), firstSteps()));
    fill(this.nothing, empty(t(isOnly ? "files.no-problems" : "files.no-match"), clear));
  }

  /**
   * @param {File} file
   * @param {boolean} isOpen
   * @returns {HTMLElement}
   */
  #make(file, isOpen) {
    if (file.problem_count === 0) return this.#plain(file);
    const summary = h("summary");
    const body = h("div", { class: "problems" });
    const node = h("details", { class: "file" }, summary, body);
    node.addEventListener("toggle", () => {
      const one = this.#files.find(({ path }) => path === file.path);
      if (node.open && one) this.#fill(body, one);
    });
    this.#update(node, file);
    node.open = isOpen;
    return node;
  }

  /** @param {File} file one without problems: there is nothing to open */
  #plain(file) {
    const node = h("div", { class: "file" }, h("div"));
    this.#update(node, file);
    return node;
  }

  /**
   * @param {Element} node
   * @param {File} file
   * @returns {Element}
   */
  #update(node, file) {
    const isPlain = !(node instanceof HTMLDetailsElement);
    if (isPlain !== (file.problem_count === 0)) return this.#replaced(node, file);
    const summary = /** @type {Element} */ (node.firstElementChild);
    const text = JSON.stringify([file.condition, file.jobs, file.problem_count]);
    if (node.getAttribute("data-state") !== text) {
      node.setAttribute("data-state", text);
      fill(summary, summaryOf(file));
    }
    if (!isPlain && node.open) this.#fill(/** @type {Element} */ (node.lastElementChild), file);
    return node;
  }

  /**
   * @param {Element} node
   * @param {File} file
   */
  #replaced(node, file) {
    const next = this.#make(file, false);
    next.setAttribute("data-key", file.path);
    node.replaceWith(next);
    return next;
  }

  /**
   * @param {Element} body
   * @param {File} file
   */
  #fill(body, file) {
    const rest = file.problem_count - file.problems.length;
    if (!body.children.length) body.append(h("ol", { class: "lines" }), h("p", { class: "detail" }));
    const [list, more] = body.children;
    const seen = new Map();
    const keys = new Map(file.problems.map((one) => {
      const key = `${one.line}:${one.column}:${one.rule}:${one.message}`;
      const count = seen.get(key) ?? 0;
      seen.set(key, count + 1);
      return [one, `${key}:${count}`];
    }));
    patched(list, file.problems, (one) => keys.get(one) ?? "", (one) => this.#problem(one, file.condition === "unreadable"));
    setText(more, rest > 0 ? t("bulk.more", { count: number(rest) }) : "");
  }

  /**
   * @param {Found} one
   * @param {boolean} isUnreadable
   */
  #problem(one, isUnreadable) {
    const state = one.severity === "error" ? "failed" : "held";
    const place = t("plan.line", { line: one.line, column: one.column });
    return h(
      "li",
      null,
      h("span", { class: "row" }, badge(state, coded("severity", one.severity)), !isUnreadable && h("span", null, place), one.field && h("code", null, one.field)),
      !isUnreadable && codeFrame(one, { signal: this.signal }),
      h("p", null, said(one.message_coded, one.message)),
      ruleAdvice(one.rule),
    );
  }
}

/**
 * What is no manifest has no state of its own: the policy, the calendars, and files that are not read.
 * @param {File[]} files
 * @param {Found[]} problems
 * @returns {File[]}
 */
function elsewhere(files, problems) {
  const known = new Set(files.map((one) => one.path));
  /** @type {Map<string, File>} */
  const others = new Map();
  for (const one of problems) {
    if (known.has(one.path)) continue;
    const file = others.get(one.path) ?? { path: one.path, condition: "", jobs: 0, problems: [], problem_count: 0 };
    file.problems.push(one);
    file.problem_count += 1;
    others.set(one.path, file);
  }
  return [...others.values()];
}

/** @param {File} file */
function summaryOf(file) {
  const isError = file.problems.some((one) => one.severity === "error");
  const shown = file.condition ? badge(file.condition) : badge(isError ? "failed" : "held", coded("severity", isError ? "error" : "warning"));
  const count = file.problem_count > 0 && t("now.problems", { count: number(file.problem_count) });
  return [shown, h("code", { class: "path" }, file.path), h("span", { class: "detail" }, file.condition && t("plan.jobs", { count: number(file.jobs) }), file.condition && count && " · ", count)];
}
