// A job's request as a command line for a shell, without secrets: what refers to one stays a reference.

/**
 * @param {{method: string, target_url: string, headers: Record<string, string>, body: unknown, timeout_sec: number}} job
 * @param {{execution_id: string, job_id: string, scheduled_at: string}} [execution] whose identity is sent along
 */
export function asCurl(job, execution) {
  const headers = { ...job.headers };
  if (job.body !== null && !hasHeader(headers, "content-type")) headers["Content-Type"] = "application/json";
  if (execution) headers["Idempotency-Key"] ??= execution.execution_id;
  const parts = [
    `curl -X ${job.method} ${quote(job.target_url)}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${quote(`${name}: ${shown(value)}`)}`),
    job.body === null || job.body === undefined ? "" : `--data-raw ${quote(typeof job.body === "string" ? job.body : JSON.stringify(job.body))}`,
    `--max-time ${job.timeout_sec}`,
  ];
  return parts.filter(Boolean).join(" \\\n  ");
}

/**
 * @param {Record<string, unknown>} headers
 * @param {string} name
 */
function hasHeader(headers, name) {
  return Object.keys(headers).some((one) => one.toLowerCase() === name);
}

/** @param {unknown} value a text, or a reference to a secret */
function shown(value) {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/**
 * As a POSIX shell reads it.
 * @param {string} text
 */
function quote(text) {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
