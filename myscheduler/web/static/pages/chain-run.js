// A run of a chain as the service tells of it, and as its picture, its line of time and its table show it.

import { executionUrl, jobUrl } from "../core/config.js";
import { coded, t } from "../core/language.js";
import { duration } from "../core/times.js";

/**
 * @typedef {{job_id: string, status: string, reason: string | null, execution_id: string | null, parent_execution_id: string | null,
 *   join: "all" | "any" | null, started_at: string | null, completed_at: string | null, execution_time_ms: number | null, attempts: number}} Node
 * @typedef {{from: string, to: string, on: "success" | "failure" | "always" | null, state: "met" | "unmet" | "open" | "skipped"}} Edge
 * @typedef {{chain_id: string, root: string | null, scheduled_at: string, status: string, started_at: string | null, ended_at: string | null,
 *   counts: Record<string, number>, times_out_at: string | null, upstream_chain_id: string | null, nodes: Node[], edges: Edge[],
 *   critical_path: string[], nodes_left_out: number}} Chain
 * @typedef {Map<string, string>} Names of jobs that have one, by id
 */

/** More jobs or edges than these are in the table only: no picture of them could be read. */
export const MOST_DRAWN = { jobs: 300, edges: 800 };

/**
 * @param {readonly unknown[]} jobs
 * @param {readonly unknown[]} edges
 */
export function canBeDrawn(jobs, edges) {
  return jobs.length <= MOST_DRAWN.jobs && edges.length <= MOST_DRAWN.edges;
}

/** @param {string} status of a node; what waits for a delivery elsewhere is another thing */
export function stateOf(status) {
  return status === "waiting" ? "queued" : status;
}

/**
 * When it was up to its own turn alone: the execution before it had ended.
 * @param {Node} node
 * @param {Chain} chain
 * @returns {number | null}
 */
export function readyAt(node, chain) {
  const end = node.parent_execution_id && chain.nodes.find((one) => one.execution_id === node.parent_execution_id)?.completed_at;
  return end ? Date.parse(end) : null;
}

/**
 * @param {Chain} chain
 * @param {Names} names
 */
export function pictured(chain, names) {
  const path = new Set(chain.critical_path);
  const steps = new Set(chain.critical_path.slice(1).map((id, i) => `${chain.critical_path[i]}\n${id}`));
  const room = `${coded("state", "completed")} · ${duration(599_000)}`; // the boxes stay as they are, whatever comes
  const nodes = chain.nodes.map((node) => {
    const { job_id: id, execution_id: execution } = node;
    const name = names.get(id) ?? id;
    const words = wordsOf(node);
    const label = [`${name}: ${words}`, node.reason && coded("reason", node.reason), afterOf(node, chain, names), path.has(id) && t("chain.critical")];
    return {
      id, name, words, room, state: stateOf(node.status), label: label.filter(Boolean).join(". "), isAny: node.join === "any",
      isCritical: path.has(id), href: execution ? executionUrl(execution) : jobUrl(id),
    };
  });
  return { nodes, edges: chain.edges.map((edge) => ({ ...edge, isCritical: steps.has(`${edge.from}\n${edge.to}`) })) };
}

/** @param {Node} node */
function wordsOf({ status, execution_time_ms: took }) {
  const word = coded("state", stateOf(status));
  return took === null ? word : `${word} · ${duration(took)}`;
}

/**
 * After which jobs it runs, in words; "" if after none.
 * @param {Node} node
 * @param {Chain} chain
 * @param {Names} names
 */
export function afterOf({ job_id: id, join }, chain, names) {
  const parts = chain.edges.filter((edge) => edge.to === id).map(({ from, on, state }) =>
    `${names.get(from) ?? from} (${t(`graph.on.${on ?? "gone"}`)}: ${t(`graph.edge.${state}`)})`
  );
  if (!parts.length) return "";
  return `${t(join === "any" ? "chain.after-any" : "chain.after")} ${parts.join(t("chain.and"))}`;
}

/**
 * @param {Chain} chain
 * @param {Names} names
 * @param {number} now milliseconds since 1970
 * @param {string} zone
 * @returns {import("../plots/gantt.js").Run}
 */
export function timed(chain, names, now, zone) {
  const path = new Set(chain.critical_path);
  const time = (/** @type {string | null} */ text) => (text ? Date.parse(text) : null);
  const rows = chain.nodes.filter((one) => one.started_at || one.completed_at || one.status === "waiting").map((one) => ({
    name: names.get(one.job_id) ?? one.job_id, state: stateOf(one.status), readyAt: readyAt(one, chain),
    startedAt: time(one.started_at), endedAt: time(one.completed_at), isCritical: path.has(one.job_id),
  }));
  const begin = (/** @type {typeof rows[0]} */ row) => row.startedAt ?? row.endedAt ?? now;
  rows.sort((a, b) => Number(a.startedAt === null) - Number(b.startedAt === null) || begin(a) - begin(b));
  const isOver = chain.status !== "running";
  const from = Math.min(now, ...rows.map(begin));
  const until = Math.max(from, isOver ? (time(chain.ended_at) ?? 0) : now, ...rows.map((row) => row.endedAt ?? 0));
  return { from, until, now: isOver ? null : Math.max(now, from), timesOutAt: time(chain.times_out_at), zone, rows };
}

/**
 * The path that determined the end: how long its jobs ran, and how long they waited for their turns.
 * @param {Chain} chain
 * @param {number} now milliseconds since 1970
 */
export function pathOf(chain, now) {
  const byJob = new Map(chain.nodes.map((one) => [one.job_id, one]));
  const nodes = chain.critical_path.flatMap((id) => byJob.get(id) ?? []).filter((one) => one.started_at);
  const times = nodes.map((one) => [Date.parse(one.started_at ?? ""), one.completed_at ? Date.parse(one.completed_at) : now]);
  const ran = times.reduce((sum, [start, end]) => sum + Math.max(0, end - start), 0);
  const whole = (times.at(-1)?.[1] ?? 0) - (times[0]?.[0] ?? 0);
  return { ran, waited: Math.max(0, whole - ran), whole };
}
