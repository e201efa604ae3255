// With which jobs a job runs: what it runs after, what runs after it, and the newest runs of chains with it.

import { get } from "../core/api.js";
import { chainUrl, jobUrl } from "../core/config.js";
import { h } from "../core/dom.js";
import { coded, loadTexts, number, t } from "../core/language.js";
import { facts, jobLink, panel } from "../core/parts.js";
import { badge } from "../core/status.js";
import { duration, timeNode } from "../core/times.js";

/** @typedef {import("./chain-run.js").Chain} Chain */

const RUNS = 5;

/**
 * The newest runs of chains with the job, and the words to tell of them.
 * @param {string} id
 * @param {AbortSignal} signal
 * @returns {Promise<Chain[]>}
 */
export async function readChains(id, signal) {
  const [{ chains }] = await Promise.all([get("/chains", { job: id, limit: RUNS }, signal), loadTexts("chain")]);
  return chains;
}

/**
 * @param {any} job
 * @param {Chain[]} runs
 */
export function chainPart(job, runs) {
  const { after, join, requires, followed_by: followed } = job;
  const graph = h("a", { href: `${jobUrl(job.job_id)}/graph` }, t("job-chain.graph"));
  const isChained = after || followed.length > 0;
  return panel(
    t("job-chain.title"),
    [
      facts([
        [t(join === "any" ? "job-chain.after-any" : "job-chain.after"), after && named(after, (/** @type {any} */ one) => t(/** @type {any} */ (`graph.on.${one.on ?? "success"}`)))],
        [t("job-chain.requires"), requires.length > 0 && named(requires, (/** @type {any} */ one) => t("job-chain.within", { within: one.within }))],
        [t("job-chain.followed-by"), followed.length > 0 && named(followed.map((/** @type {string} */ one) => ({ job: one })), () => "")],
      ].map(([name, value]) => [name, value || null])),
      isChained && h("h3", null, t("job-chain.runs")),
      isChained && (runs.length ? h("ul", { class: "lines" }, runs.map((one) => run(one, job.timezone))) : h("p", { class: "none" }, t("job-chain.none-yet"))),
    ],
    { more: isChained && graph, class: "job-chain" },
  );
}

/**
 * @param {{job: string}[]} links
 * @param {(link: any) => string} more
 */
function named(links, more) {
  return h("ul", null, links.map((one) => h("li", null, jobLink(one.job), more(one) && h("small", null, ` ${more(one)}`))));
}

/**
 * @param {Chain} one
 * @param {string} zone
 */
function run(one, zone) {
  const { chain_id: id, scheduled_at: slot, started_at: started, ended_at: ended, counts, status } = one;
  const took = started && ended ? ` · ${duration(Date.parse(ended) - Date.parse(started))}` : "";
  const states = Object.entries(counts).map(([state, count]) => `${coded("state", state)} ${number(count)}`).join(" · ");
  return h("li", null, h("span", { class: "row" }, badge(status), h("a", { href: chainUrl(id) }, timeNode(slot, zone)), took), h("small", null, states));
}
