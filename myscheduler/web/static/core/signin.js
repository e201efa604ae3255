// Asking for a token: in place of a page that can't be shown without one, or above a page whose session has ended, so that
// nothing is lost that was typed there.

import { NAME } from "./config.js";
import { explain, field } from "./dialogs.js";
import { fill, h } from "./dom.js";
import { t } from "./language.js";
import { isSignedIn, signIn } from "./session.js";

/**
 * @param {() => void} done called once somebody has signed in
 * @param {string} [why]
 */
export function signInForm(done, why) {
  const token = h("input", { type: "password", name: "token", autocomplete: "current-password", required: true, spellcheck: "false", autofocus: true });
  const failure = h("p", { class: "failure", role: "alert" });
  const button = h("button", { class: "primary" }, t("action.sign-in"));
  const send = async (/** @type {Event} */ event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await signIn(token.value.trim());
      if (isSignedIn()) return done();
    } catch (error) {
      fill(failure, explain(error));
    }
    button.disabled = false;
    token.select();
  };
  return h(
    "form",
    { class: "sign-in", onsubmit: send },
    h("h1", null, t("sign-in.title", { name: NAME })),
    h("p", null, why ?? t("sign-in.why")),
    field(t("sign-in.token"), token, t("sign-in.hint")),
    failure,
    h("p", { class: "buttons" }, button),
  );
}

/** Asks above the page; resolves once somebody has signed in. */
export function signInAgain() {
  return new Promise((/** @type {(isDone: boolean) => void} */ resolve) => {
    const done = () => {
      dialog.close();
      dialog.remove();
      resolve(true);
    };
    const dialog = h("dialog", { "aria-label": t("action.sign-in") }, signInForm(done, t("sign-in.again")));
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    document.body.append(dialog);
    dialog.showModal();
  });
}
