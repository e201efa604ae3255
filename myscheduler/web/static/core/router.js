// The URL is the state: each page, filter, order, tab and range of time has one, so that it can be linked and Back works.

import { ROOT } from "./config.js";

/**
 * What a page module makes. `queryChanged` takes a new query of the same page; without it, the page is opened anew.
 * @typedef {{node: Element, title: string, queryChanged?: (query: URLSearchParams) => void}} View
 */
/** @typedef {{params: Record<string, string>, query: URLSearchParams, signal: AbortSignal}} Visit */
/** @typedef {(visit: Visit) => View | Promise<View>} Open */

/** @type {[expression: RegExp, names: string[], load: () => Promise<{open: Open}>, nav: string][]} */
const routes = [];

/**
 * @param {string} pattern such as "/jobs/:id"
 * @param {string} nav the entry of the navigation that is marked as current
 * @param {() => Promise<{open: Open}>} load
 */
export function route(pattern, nav, load) {
  const names = [...pattern.matchAll(/:(\w+)/g)].map(([, name]) => name);
  routes.push([new RegExp(`^${pattern.replaceAll(/:\w+/g, "([^/]+)")}/?$`), names, load, nav]);
}

/** The path of the present page below /ui, such as "/jobs". */
export function path() {
  return location.pathname.slice(`${ROOT}/ui`.length) || "/";
}

export function query() {
  return new URLSearchParams(location.search);
}

/** @returns {{load: () => Promise<{open: Open}>, params: Record<string, string>, nav: string} | null} */
export function find() {
  for (const [expression, names, load, nav] of routes) {
    const found = expression.exec(path());
    if (!found) continue;
    return { load, nav, params: Object.fromEntries(names.map((name, i) => [name, decode(found[i + 1])])) };
  }
  return null;
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** @type {(isNewPage: boolean) => void} */
let arrive = () => {};

/** @param {(isNewPage: boolean) => void} listener called when the URL has changed */
export function onArrival(listener) {
  arrive = listener;
  let before = path();
  let asked = location.search;
  const moved = () => {
    const isNewPage = path() !== before;
    // a change of only what follows "#" (the link to the content) leaves the page and its focus alone
    if (!isNewPage && location.search === asked) return;
    before = path();
    asked = location.search;
    arrive(isNewPage);
  };
  addEventListener("popstate", moved);
  addEventListener("myscheduler:moved", moved);
  document.addEventListener("click", takeLink);
}

/**
 * Opens a page of ours without loading the document again.
 * @param {string} url
 * @param {{replace?: boolean}} [options]
 */
export function go(url, { replace = false } = {}) {
  if (url === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", url);
  dispatchEvent(new Event("myscheduler:moved"));
}

/**
 * Changes the query of this page. While somebody types, the entry of the history is replaced, so that Back leaves the
 * filter at once and not letter by letter.
 * @param {Record<string, string | null>} changes `null` and "" remove a parameter
 * @param {{replace?: boolean}} [options]
 */
export function setQuery(changes, options) {
  const next = query();
  for (const [name, value] of Object.entries(changes)) {
    if (value) next.set(name, value);
    else next.delete(name);
  }
  const text = next.toString();
  go(location.pathname + (text && `?${text}`), options);
}

/** @param {MouseEvent} event */
function takeLink(event) {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = /** @type {Element | null} */ (event.target)?.closest?.("a[href]");
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download")) return;
  if (link.origin !== location.origin || !link.pathname.startsWith(`${ROOT}/ui/`)) return;
  if (link.pathname === location.pathname && link.hash) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
