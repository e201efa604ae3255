// The pieces that pages are made of.

import { executionUrl, jobUrl, pageUrl } from "./config.js";
import { h, set, setText } from "./dom.js";
import { number, t } from "./language.js";

/** @typedef {import("./dom.js").Child} Child */

/**
 * A titled part of a page.
 * @param {string} title
 * @param {Child} body
 * @param {{more?: Child, class?: string}} [options] `more` is shown at the right of the title
 */
export function panel(title, body, { more, class: name } = {}) {
  return h("section", { class: `panel ${name ?? ""}` }, h("header", null, h("h2", null, title), more), body);
}

/**
 * A number that leads to what it counts.
 * @param {string} label
 * @param {string} href
 */
export function stat(label, href) {
  const value = h("strong", null, "–");
  const node = h("a", { class: "stat", href }, value, h("span", null, label));
  return {
    node,
    /**
     * @param {number | null} count
     * @param {string} [tone] the class of its colour, if it is not 0
     */
    set(count, tone = "") {
      setText(value, count === null ? "–" : number(count));
      set(node, { class: `stat ${count ? tone : ""}` });
    },
  };
}

/**
 * What is shown where there is nothing to list: why, and what to do.
 * @param {string} title
 * @param {...Child} text
 */
export function empty(title, ...text) {
  return h("div", { class: "empty" }, h("p", { class: "title" }, title), h("p", null, text));
}

/** How there come to be jobs. */
export function firstSteps() {
  return [t("jobs.empty-text"), " ", h("a", { href: pageUrl("/plan") }, t("nav.plan"))];
}

/**
 * Names and values.
 * @param {[name: string, value: Child][]} pairs pairs without a value are left out
 */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return h("dl", { class: "facts" }, shown.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, value))));
}

/**
 * @param {string} jobId
 * @param {string | null} [name]
 */
export function jobLink(jobId, name) {
  const isNamed = name?.trim() && name !== jobId;
  return h("a", { class: "job", href: jobUrl(jobId), title: jobId }, h("span", { dir: "auto" }, isNamed ? name : jobId), isNamed && h("small", null, jobId));
}

/**
 * @param {string} executionId
 * @param {Child} text
 */
export function executionLink(executionId, text) {
  return h("a", { href: executionUrl(executionId) }, text);
}

/**
 * A button that is disabled, with the reason, if the viewer may not use it.
 * @param {string} text
 * @param {() => void} act
 * @param {string} refusal why not; empty if they may
 * @param {string} [kind] "primary" or "danger"
 */
export function actButton(text, act, refusal, kind = "") {
  // not `disabled`: a disabled button can't be reached by keyboard, so nobody would hear the reason
  const run = () => {
    if (!refusal) act();
  };
  return h("button", { class: kind, "aria-disabled": refusal ? "true" : null, title: refusal || null, onclick: run }, text);
}

/**
 * What may be wider than the screen: it scrolls by itself, also by keyboard.
 * @param {string} label
 * @param {...Child} children
 */
export function scrollable(label, ...children) {
  return h("div", { class: "scroll-x", tabindex: "0", role: "region", "aria-label": label }, children);
}

/** Labels that are shown at first. */
const CHIPS = 12;

/** @param {Record<string, string>} labels */
export function chips(labels) {
  const all = Object.entries(labels).map(([name, value]) => h("span", { class: "chip", title: `${name}=${value}` }, `${name}=${value}`));
  const rest = all.splice(CHIPS);
  const more = h("button", { class: "chip", onclick: () => more.replaceWith(...rest) }, t("bulk.more", { count: rest.length }));
  return h("span", { class: "chips" }, all, rest.length > 0 && more);
}

/** How many names a sentence has. */
const NAMED = 5;

/** @param {string[]} names */
export function shortList(names) {
  const rest = names.length > NAMED ? [t("bulk.more", { count: number(names.length - NAMED) })] : [];
  return [...names.slice(0, NAMED), ...rest].join(", ");
}

/**
 * Git's abbreviation of a commit, and as many characters of other revisions.
 * @param {string} revision
 */
export function shortRevision(revision) {
  return revision.replace(/[0-9a-f]{13,}/, (hash) => hash.slice(0, 12));
}
