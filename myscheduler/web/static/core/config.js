// What the shell page says of this service: see its <html> element.

const data = document.documentElement.dataset;

/** The path prefix below which the service is served, such as "/scheduler"; often empty. */
export const ROOT = data.root ?? "";
/** The name of this service, so that nobody pauses production by mistake. */
export const NAME = data.name ?? "MyScheduler";
/** `#rrggbb`, or empty. */
export const COLOR = data.color ?? "";
export const VERSION = data.version ?? "";
/** The service's IANA zone. */
export const ZONE = data.zone || "UTC";
/** The viewer's IANA zone. */
export const VIEWER_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";

/**
 * The URL of a page.
 * @param {string} path such as "/jobs"
 * @param {Record<string, string | number | null | undefined>} [query]
 */
export function pageUrl(path, query) {
  return `${ROOT}/ui${path}${search(query)}`;
}

/** @param {string} jobId */
export function jobUrl(jobId) {
  return pageUrl(`/jobs/${encodeURIComponent(jobId)}`);
}

/** @param {string} executionId */
export function executionUrl(executionId) {
  return pageUrl(`/executions/${encodeURIComponent(executionId)}`);
}

/** @param {string} chainId */
export function chainUrl(chainId) {
  return pageUrl(`/chains/${encodeURIComponent(chainId)}`);
}

/** @param {string} incidentId */
export function incidentUrl(incidentId) {
  return pageUrl(`/incidents/${encodeURIComponent(incidentId)}`);
}

/** @param {Record<string, string | number | boolean | readonly string[] | null | undefined>} [query] */
export function search(query) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (Array.isArray(value)) value.forEach((one) => parameters.append(name, one));
    else if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  }
  const text = parameters.toString();
  return text && `?${text}`;
}
