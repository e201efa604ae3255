// What surrounds every page: name and colour of this service, navigation, health, and whether the service answers.

import { COLOR, NAME, pageUrl, ROOT, VERSION, ZONE } from "./config.js";
import { fill, h, set } from "./dom.js";
import { coded, LANGUAGE, setLanguage, t } from "./language.js";
import { follow, live } from "./live.js";
import { setTheme, theme } from "./preferences.js";
import { current, isSignedIn, signOut } from "./session.js";
import { badge } from "./status.js";

const PAGES = /** @type {const} */ ([
  ["now", "/"], ["jobs", "/jobs"], ["executions", "/executions"], ["incidents", "/incidents"], ["source", "/source"],
  ["forecast", "/forecast"], ["plan", "/plan"], ["audit", "/audit"],
]);

export const main = h("main", { id: "main", tabindex: "-1" });
const links = new Map(PAGES.map(([name, path]) => [name, h("a", { href: pageUrl(path) }, t(`nav.${name}`))]));
const nav = h("nav", { "aria-label": t("nav.label") }, [...links.values()]);
const health = h("a", { class: "health", href: pageUrl("/source"), hidden: true });
const banner = h("p", { class: "banner", role: "status", hidden: true });
const who = h("div", { class: "who" });

/** Puts the surroundings into the document. */
export function build() {
  document.documentElement.lang = LANGUAGE;
  if (COLOR) document.documentElement.style.setProperty("--instance", COLOR);
  const skip = h("a", { class: "skip", href: "#main" }, t("nav.skip"));
  skip.addEventListener("click", () => main.focus());
  const header = h(
    "header",
    { class: "top" },
    h("a", { class: "brand", href: pageUrl("/") }, h("span", { class: "dot", "aria-hidden": "true" }), NAME),
    nav,
    health,
    menu(),
  );
  document.body.append(skip, header, banner, main);
  const ever = new AbortController().signal;
  follow("now", showHealth, ever);
  follow("lost", () => showLost(true), ever);
  follow("back", () => showLost(false), ever);
  setIcon(false);
}

function menu() {
  const themes = /** @type {const} */ (["", "light", "dark"]);
  const options = themes.map((one) => h("option", { value: one, selected: one === theme() }, t(`theme.${one || "auto"}`)));
  const languages = [["en", "English"], ["ja", "日本語"]].map(([code, name]) =>
    h("option", { value: code, selected: code === LANGUAGE, lang: code }, name)
  );
  const node = h(
    "details",
    { class: "menu" },
    h("summary", { "aria-label": t("menu.label") }, "⋯"),
    h(
      "div",
      { class: "panel" },
      who,
      h("label", null, t("menu.language"), h("select", { onchange: pick(setLanguage) }, languages)),
      h("label", null, t("menu.theme"), h("select", { onchange: pick(setTheme) }, options)),
      h("a", { href: `${ROOT}/docs` }, t("menu.api")),
      h("small", null, `MyScheduler ${VERSION} · ${ZONE}`),
    ),
  );
  node.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    node.open = false;
    node.querySelector("summary")?.focus();
  });
  return node;
}

/** @param {(value: any) => void} choose */
function pick(choose) {
  return (/** @type {Event} */ event) => choose(/** @type {HTMLSelectElement} */ (event.target).value);
}

/** Says who is signed in; nothing where nobody needs to. */
export function showWho() {
  const session = current();
  fill(who);
  if (!session.credentials || !isSignedIn()) return;
  const roles = [...new Set(session.bindings.map((one) => t(/** @type {any} */ (`role.${one.role}`))))].join(", ");
  const leave = () => signOut().then(() => location.reload());
  who.append(h("p", null, h("strong", null, session.name ?? ""), ` ${roles}`), h("button", { onclick: leave }, t("action.sign-out")));
}

/** @param {string} name of the navigation's entry */
export function markCurrent(name) {
  for (const [one, link] of links) set(link, { "aria-current": one === name ? "page" : null });
  const link = links.get(/** @type {any} */ (name));
  if (link) nav.scrollLeft = link.offsetLeft - nav.offsetLeft - (nav.clientWidth - link.clientWidth) / 2; // a phone has room for few
}

/** @param {any} now */
function showHealth(now) {
  const state = now.source.condition;
  const [shown, word] = now.database.ok ? [state, coded("source", state)] : ["unreadable", t("now.database-bad")];
  fill(health, badge(shown, word));
  health.hidden = false;
  setIcon(isTrouble(now));
}

/** @param {any} now */
function isTrouble(now) {
  const { database, source, jobs, incidents, notifications } = now;
  return !database.ok || source.condition === "Stalled" || source.problem_count > 0 || jobs.failing > 0 || incidents?.open > 0 || notifications.failing.length > 0;
}

/** @param {boolean} isLost */
function showLost(isLost) {
  banner.hidden = !isLost;
  if (isLost) fill(banner, t("banner.lost"), " ", h("button", { onclick: () => live.soon() }, t("action.try-now")));
  main.classList.toggle("stale", isLost);
  if (isLost) setIcon(true);
}

/** @type {HTMLLinkElement | null} */
let icon = null;

/**
 * The icon in the tab, in the colour of this service, with a mark in case of trouble.
 * @param {boolean} hasTrouble
 */
function setIcon(hasTrouble) {
  icon ??= document.querySelector("link[rel=icon]");
  const mark = hasTrouble ? "<circle cx='24' cy='8' r='8' fill='#fff'/><circle cx='24' cy='8' r='6' fill='#d1242f'/>" : "";
  const color = COLOR || "#3b5bdb";
  const picture = `<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><circle cx='16' cy='16' r='13' fill='none' stroke='${color}' stroke-width='5'/><path d='M16 9v8l5 3' fill='none' stroke='${color}' stroke-width='4' stroke-linecap='round'/>${mark}</svg>`;
  const url = `data:image/svg+xml,${encodeURIComponent(picture)}`;
  if (icon && icon.href !== url) icon.href = url;
}

/**
 * The title of the tab: page first, since tabs are narrow.
 * @param {string} title
 */
export function setTitle(title) {
  document.title = `${title} · ${NAME}`;
}
