// A few lines of a manifest with one of them marked, as the last pass over the source read it. They are read once they
// are seen: a file may have a hundred problems.

import { get, Problem } from "../core/api.js";
import { explain } from "../core/dialogs.js";
import { fill, h } from "../core/dom.js";
import { t } from "../core/language.js";
import { refusalForAll } from "../core/session.js";

/** @typedef {{path: string, line: number, column?: number}} Place lines and columns count from 1; `column` in characters */
/** @typedef {{path: string, revision: string, first_line: number, line_count: number, lines: string[]}} Lines */

/** How far before it is seen a frame is read. */
const MARGIN = "200px";
/** The service cuts lines at so many characters. */
const LONGEST = 500;

/** What to do with each frame that is seen for the first time. @type {WeakMap<Element, () => void>} */
const waiting = new WeakMap();
const observer = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) if (isIntersecting) waiting.get(target)?.();
}, { rootMargin: MARGIN });

/**
 * The lines around a place; for viewers who may not read them, why not.
 * @param {Place} place
 * @param {{before?: number, after?: number, signal?: AbortSignal}} [options] how many lines there are on each side
 */
export function codeFrame(place, { before = 3, after = 3, signal } = {}) {
  if (refusalForAll("get_source_lines")) return h("p", { class: "detail frame-none" }, t("frame.refused"));
  const node = h("div", { class: "frame", "data-line": place.line });
  /** @type {string} */
  let shown = "";
  const read = async () => {
    try {
      const found = await get("/sync/lines", { path: place.path, line: place.line, before, after }, signal);
      if (JSON.stringify(found.lines) === shown) return;
      shown = JSON.stringify(found.lines);
      fill(node, drawn(found, place));
    } catch (error) {
      if (signal?.aborted) return;
      shown = "";
      fill(node, h("p", { class: "detail" }, why(error)));
    }
  };
  node.addEventListener("refresh", () => {
    if (!waiting.has(node)) read();
  });
  waiting.set(node, () => {
    observer.unobserve(node);
    waiting.delete(node);
    read();
  });
  observer.observe(node);
  return node;
}

/**
 * Reads the frames in an element again that have been read, for there is another revision.
 * @param {Element} parent
 */
export function refreshFrames(parent) {
  for (const node of parent.querySelectorAll(".frame")) node.dispatchEvent(new Event("refresh"));
}

/** @param {unknown} error */
function why(error) {
  if (!(error instanceof Problem)) throw error;
  if (error.status === 404) return t("frame.gone");
  return error.status === 409 ? t("frame.changed") : explain(error);
}

/**
 * @param {Lines} found
 * @param {Place} place
 */
function drawn(found, place) {
  const last = found.first_line + found.lines.length - 1;
  const label = t("frame.label", { path: place.path, first: found.first_line, last });
  const width = String(last).length;
  const rows = found.lines.flatMap((text, i) => {
    const line = found.first_line + i;
    return line === place.line ? marked(text, place, width) : [row(line, width, "", text)];
  });
  return h("div", { class: "code mono", tabindex: "0", role: "group", "aria-label": label }, rows);
}

/**
 * @param {number | null} line
 * @param {number} width of the column of numbers, in characters
 * @param {string} name of a class
 * @param {...import("../core/dom.js").Child} content
 */
function row(line, width, name, ...content) {
  const number = h("span", { class: "no" }, String(line ?? "").padStart(width));
  return h("div", { class: `code-line ${name}`, "aria-hidden": line === null ? "true" : null }, number, h("span", { class: "text" }, content, "\n"));
}

/**
 * The line that is meant, with a caret below the column. What is before the caret takes the room that it takes in the
 * line, so that the caret is right below wide characters and tabs, too.
 * @param {string} text
 * @param {Place} place
 * @param {number} width
 */
function marked(text, place, width) {
  const characters = [...text];
  const at = (place.column ?? 0) - 1;
  const isOutside = at > characters.length || (at >= LONGEST - 1 && characters.length >= LONGEST);
  if (at < 0 || isOutside) return [row(place.line, width, "at", text)];
  const before = characters.slice(0, at).join("");
  const word = /^(?:[\p{L}\p{N}_.-]+|[^])/u.exec(characters.slice(at).join(""))?.[0] ?? "";
  return [
    row(place.line, width, "at", before, word && h("mark", null, word), text.slice(before.length + word.length)),
    row(null, width, "caret", h("span", { class: "ghost" }, before), "^"),
  ];
}
