// Who is asking, and what they may do. The service refuses what is not allowed; this only says so beforehand.

import { act, get } from "./api.js";
import { t } from "./language.js";

const ROLES = ["viewer", "operator", "editor", "admin"];

/** @typedef {{role: string, scope: {labels?: Record<string, string[]>, ids?: string[]}}} Binding */
/**
 * @typedef {{credentials: boolean, name: string | null, bindings: Binding[], operations: Record<string, string>,
 *   expires_at: string | null}} Session
 */

/** @type {Session} */
let session = { credentials: false, name: null, bindings: [], operations: {}, expires_at: null };

export function current() {
  return session;
}

/** Whether the page may be used: nobody has to sign in, or somebody has. */
export function isSignedIn() {
  return session.bindings.length > 0;
}

export async function loadSession() {
  session = { ...session, ...(await get("/session")) };
  return session;
}

/** @param {string} token */
export async function signIn(token) {
  await act("/session", { token });
  return loadSession();
}

export async function signOut() {
  await act("/session", undefined, { method: "DELETE" });
}

/**
 * Why the viewer may not do this, or "" if they may.
 * @param {string} operation such as "pause_job"
 * @param {{job_id: string, labels: Record<string, string> | null}} [job] the job it is done to; without it, any. Labels
 *   that are not known (`null`) refuse nothing: the service does.
 */
export function refusal(operation, job) {
  const role = session.operations[operation] ?? "viewer";
  const strong = session.bindings.filter((one) => ROLES.indexOf(one.role) >= ROLES.indexOf(role));
  if (!strong.length) return t("access.needs-role", { role: t(/** @type {any} */ (`role.${role}`)) });
  if (job && !strong.some((one) => covers(one.scope, job))) return t("access.out-of-scope");
  return "";
}

/**
 * Why the viewer may not do what needs the role for all jobs, or "" if they may.
 * @param {string} operation such as "approve_deletion"
 */
export function refusalForAll(operation) {
  const few = refusal(operation);
  if (few) return few;
  const role = session.operations[operation] ?? "viewer";
  const strong = session.bindings.filter((one) => ROLES.indexOf(one.role) >= ROLES.indexOf(role));
  const isLimited = strong.every((one) => one.scope.labels || one.scope.ids);
  return isLimited ? t("access.needs-role-for-all", { role: t(/** @type {any} */ (`role.${role}`)) }) : "";
}

/**
 * @param {Binding["scope"]} scope
 * @param {{job_id: string, labels: Record<string, string> | null}} job
 */
function covers(scope, job) {
  const { labels } = job;
  const hasLabels = !labels || Object.entries(scope.labels ?? {}).every(([name, values]) => values.includes(labels[name]));
  return hasLabels && (!scope.ids || scope.ids.some((glob) => matches(glob, job.job_id)));
}

/**
 * @param {string} glob `*` stands for any characters
 * @param {string} text
 */
function matches(glob, text) {
  const parts = String(glob).split("*").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "su").test(text);
}
