// What the entry starts: the surroundings, who is asking, and the page of the URL.

import { events, Problem } from "./core/api.js";
import { explain } from "./core/dialogs.js";
import { fill, h } from "./core/dom.js";
import { pageUrl } from "./core/config.js";
import { copyRows } from "./core/copying.js";
import { loadTexts, t } from "./core/language.js";
import { live } from "./core/live.js";
import { applyTheme } from "./core/preferences.js";
import { find, onArrival, query, route } from "./core/router.js";
import { current, isSignedIn, loadSession } from "./core/session.js";
import { build, main, markCurrent, setTitle, showWho } from "./core/shell.js";
import { signInAgain, signInForm } from "./core/signin.js";
import { tick } from "./core/times.js";

route("/", "now", withTexts("now", () => import("./pages/now.js")));
route("/jobs", "jobs", withTexts("jobs", () => import("./pages/jobs.js")));
route("/jobs/:id", "jobs", () => import("./pages/job.js"));
route("/jobs/:id/graph", "jobs", withTexts("chain", () => import("./pages/job-graph.js")));
route("/executions", "executions", () => import("./pages/executions.js"));
route("/executions/:id", "executions", withTexts("execution", () => import("./pages/execution.js")));
route("/chains/:id", "executions", withTexts("chain", () => import("./pages/chain.js")));
route("/incidents", "incidents", withTexts("incidents", () => import("./pages/incidents.js")));
route("/incidents/:id", "incidents", withTexts("incidents", () => import("./pages/incident.js")));
route("/source", "source", withTexts("source", () => import("./pages/source.js")));
route("/forecast", "forecast", withTexts("forecast", () => import("./pages/forecast.js")));
route("/plan", "plan", withTexts("plan", () => import("./pages/plan.js")));
route("/audit", "audit", withTexts("audit", () => import("./pages/audit.js")));

/**
 * @param {Parameters<typeof loadTexts>[0]} page
 * @param {() => Promise<{open: import("./core/router.js").Open}>} load
 */
function withTexts(page, load) {
  return async () => (await Promise.all([load(), loadTexts(page)]))[0];
}

/** @type {import("./core/router.js").View | null} */
let view = null;
let leaving = new AbortController();

/** @param {boolean} isNewPage */
async function arrive(isNewPage) {
  if (!isNewPage && view?.queryChanged) return view.queryChanged(query());
  const found = find();
  leaving.abort();
  const visit = (leaving = new AbortController());
  view = null;
  markCurrent(found?.nav ?? "");
  try {
    if (!found) return showNothing();
    // a module that is not loaded has nobody that sends it
    const { open } = await found.load().catch(() => {
      throw new Problem(0, {});
    });
    const opened = await open({ params: found.params, query: query(), signal: visit.signal });
    if (visit.signal.aborted) return;
    view = opened;
    show(opened.title, opened.node, isNewPage);
  } catch (error) {
    if (!visit.signal.aborted) showFailure(error);
  }
}

/**
 * @param {string} title
 * @param {Element} node
 * @param {boolean} isNewPage
 */
function show(title, node, isNewPage) {
  const isFirst = !main.hasChildNodes();
  setTitle(title);
  fill(main, node);
  if (!isNewPage || isFirst) return; // the browser has its own idea of where the focus begins
  scrollTo(0, 0);
  main.focus({ preventScroll: true });
}

function showNothing() {
  const text = h("p", null, t("missing.text"), " ", h("a", { href: pageUrl("/") }, t("nav.now")));
  show(t("missing.title"), h("section", { class: "empty" }, h("h1", null, t("missing.title")), text), true);
}

/** @param {unknown} error */
function showFailure(error) {
  if (error instanceof Problem && error.status === 401) return; // the dialog asks, and opens the page again
  const text = error instanceof Problem ? explain(error) : t("problem.page");
  const again = h("button", { onclick: () => arrive(true) }, t("action.try-again"));
  show(t("problem.title"), h("section", { class: "empty" }, h("h1", null, t("problem.title")), h("p", null, text), again), true);
  live.failed(error);
  if (!(error instanceof Problem)) throw error;
}

let isAsking = false;

async function askAgain() {
  if (isAsking) return;
  isAsking = true;
  live.stop();
  await signInAgain();
  isAsking = false;
  begin();
  if (!view) arrive(true);
}

function begin() {
  showWho();
  live.start();
}

/** The first screen: without a session where one is needed, the question for it, at the URL that was asked for. */
async function start() {
  applyTheme();
  build();
  await loadSession().catch(() => null); // a service that does not answer is shown as such by what follows
  const enter = () => {
    begin();
    events.addEventListener("unauthorized", askAgain);
    onArrival(arrive);
    document.addEventListener("copy", copyRows);
    setInterval(tick, 1_000);
    live.addEventListener("back", () => view ?? arrive(true));
    arrive(true);
  };
  if (isSignedIn() || !current().credentials) return enter();
  setTitle(t("action.sign-in"));
  fill(main, signInForm(enter));
}

start();
