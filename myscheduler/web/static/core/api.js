// Requests to the REST API, with the cookie of the session. Reading never changes anything, so a failed read may be
// repeated; an act is sent once, under a key with which the service recognises a repetition.

import { ROOT, search } from "./config.js";
import { loadFailures, loadMessages } from "./said.js";

/** @typedef {Record<string, string | number | boolean | readonly string[] | null | undefined>} Query */

/** An answer that is not a success: RFC 9457 problem details, or no answer at all (`status` is 0). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {{type?: string, title?: string, detail?: string, detail_coded?: import("./said.js").Coded, request_id?: string, errors?: {field: string, message: string}[]}} details
   */
  constructor(status, details) {
    super(details.detail || details.title || `HTTP ${status}`);
    this.status = status;
    this.type = details.type ?? "";
    this.coded = details.detail_coded;
    this.requestId = details.request_id ?? "";
    this.errors = details.errors ?? [];
  }

  /** Whether the service could not be reached, or can't answer at present. */
  get isOutage() {
    return this.status === 0 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** Tells `unauthorized` when the service asks to sign in. */
export const events = new EventTarget();

/** Answers that may be used again if the service says that they are unchanged. */
const kept = new Map();
const MOST_KEPT = 40;

/**
 * @param {string} path below /api/v1, such as "/jobs"
 * @param {Query} [query]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 */
export async function get(path, query, signal) {
  const url = `${ROOT}/api/v1${path}${search(query)}`;
  const known = kept.get(url);
  const response = await send(url, { signal, headers: known ? { "If-None-Match": known.tag } : {} });
  if (response.status === 304 && known) return known.value;
  const value = await read(response);
  remember(url, response.headers.get("ETag"), value);
  return value;
}

/**
 * @param {string} url
 * @param {string | null} tag
 * @param {unknown} value
 */
function remember(url, tag, value) {
  kept.delete(url);
  if (!tag) return;
  kept.set(url, { tag, value });
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value);
}

/**
 * Does something: pause, resume, trigger, …
 * @param {string} path
 * @param {object} [body]
 * @param {{method?: string, headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<any>}
 */
export async function act(path, body, { method = "POST", headers = {}, signal } = {}) {
  /** @type {Record<string, string>} */
  const all = { "Content-Type": "application/json", ...headers };
  if (method === "POST") all["Idempotency-Key"] = newKey();
  const response = await send(`${ROOT}/api/v1${path}`, {
    method,
    signal,
    headers: all,
    body: body === undefined ? (method === "DELETE" ? undefined : "{}") : JSON.stringify(body),
  });
  return response.status === 204 ? null : await read(response);
}

/** 128 random bits; `crypto.randomUUID` exists on https and loopback only. */
function newKey() {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((one) => one.toString(16).padStart(8, "0")).join("");
}

/**
 * @param {string} url
 * @param {RequestInit} options
 */
async function send(url, options) {
  let response;
  try {
    response = await fetch(url, { credentials: "same-origin", cache: "no-store", redirect: "error", ...options });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Problem(0, { title: "no answer", detail: "" });
  }
  if (response.status === 401) events.dispatchEvent(new Event("unauthorized"));
  return response;
}

/** @param {Response} response */
async function whole(response) {
  const answer = await response.text();
  await loadFailures(answer).catch(() => null);
  return JSON.parse(answer);
}

/** @param {Response} response */
async function read(response) {
  const isJson = /json/.test(response.headers.get("Content-Type") ?? "");
  if (response.ok) return isJson ? whole(response) : {};
  const details = isJson ? await response.json().catch(() => ({})) : {};
  if (details.detail_coded) await loadMessages("refusals").catch(() => null); // without them, it is said in English
  throw new Problem(response.status, details);
}
