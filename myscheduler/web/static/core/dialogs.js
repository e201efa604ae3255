// Questions before an act, in a <dialog> of the document's body: no update of a page ever touches it. And short notices.

import { Problem } from "./api.js";
import { fill, h } from "./dom.js";
import { t } from "./language.js";
import { said } from "./said.js";

/** @typedef {import("./dom.js").Child} Child */
/**
 * @typedef {{
 *   title: string, effect: Child, action: string, fields?: HTMLElement[], danger?: boolean,
 *   isReady?: () => boolean, run: () => Promise<unknown>,
 * }} Question
 *   `effect` says what will happen; `run` does it. If that fails, the dialog stays and says why.
 */

/**
 * Asks, and resolves with whether it was done.
 * @param {Question} question
 * @returns {Promise<boolean>}
 */
export function ask(question) {
  return new Promise((resolve) => {
    const dialog = build(question, () => close(true));
    const closed = new AbortController();
    const close = (/** @type {boolean} */ isDone) => {
      closed.abort();
      dialog.close();
      dialog.remove();
      // what opened it may be gone: without a place for the focus, the next Tab would begin at the top
      if (document.activeElement === document.body) document.querySelector("main")?.focus({ preventScroll: true });
      resolve(isDone);
    };
    // Back leaves what it asks about
    addEventListener("popstate", () => close(false), { signal: closed.signal });
    dialog.addEventListener("cancel", () => close(false));
    dialog.querySelector("[data-cancel]")?.addEventListener("click", () => close(false));
    document.body.append(dialog);
    dialog.showModal();
  });
}

/**
 * @param {Question} question
 * @param {() => void} done
 */
function build(question, done) {
  const { title, effect, action, fields = [], danger, isReady = () => true, run } = question;
  const id = `dialog-${crypto.getRandomValues(new Uint32Array(1))[0]}`;
  const submit = h("button", { class: danger ? "danger" : "primary", disabled: !isReady() }, action);
  const failure = h("p", { class: "failure", role: "alert" });
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    submit.disabled = true;
    fill(failure);
    try {
      await run();
      done();
    } catch (error) {
      fill(failure, explain(error));
      submit.disabled = false;
    }
  };
  return h(
    "dialog",
    { "aria-labelledby": id, oninput: () => (submit.disabled = !isReady()) },
    h(
      "form",
      { onsubmit: send },
      h("h2", { id }, title),
      h("div", { class: "effect" }, effect),
      fields,
      failure,
      h("p", { class: "buttons" }, h("button", { type: "button", "data-cancel": true }, t("action.cancel")), submit),
    ),
  );
}

/**
 * A labelled field of a dialog or form.
 * @param {string} label
 * @param {HTMLElement} control
 * @param {string} [hint]
 */
export function field(label, control, hint) {
  return h("label", { class: "field" }, h("span", null, label), control, hint && h("small", null, hint));
}

/**
 * What went wrong, in the viewer's words where there are any.
 * @param {unknown} error
 */
export function explain(error) {
  if (!(error instanceof Problem)) throw error;
  if (error.status === 0) return t("problem.no-answer");
  if (error.status === 401) return t("problem.unauthorized");
  if (error.status === 403) return `${t("problem.forbidden")} ${said(error.coded, error.message)}`;
  return said(error.coded, error.message);
}

/** @type {HTMLElement | null} */
let notices = null;
const SHOWN_MS = 8_000;

/**
 * A short notice, which is read out; with an undo where there is one.
 * @param {string} text
 * @param {{undo?: () => Promise<unknown>, bad?: boolean}} [options]
 */
export function notice(text, { undo, bad } = {}) {
  if (!notices) {
    notices = h("div", { class: "notices", role: "status" });
    document.body.append(notices);
  }
  const node = h("div", { class: bad ? "notice bad" : "notice" }, h("span", null, text));
  const remove = () => node.remove();
  const timer = setTimeout(remove, SHOWN_MS);
  node.addEventListener("pointerenter", () => clearTimeout(timer));
  if (undo) {
    const back = () => undo().then(remove, (error) => notice(explain(error), { bad: true }));
    node.append(h("button", { onclick: back }, t("action.undo")));
  }
  node.append(h("button", { class: "quiet", "aria-label": t("action.close"), onclick: remove }, "×"));
  notices.append(node);
}
