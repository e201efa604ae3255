"""What to do about what is wrong with the links between jobs: why it is, and what to write."""

from collections.abc import Mapping

from myscheduler.core.findings.advice import Advice

CHAIN_ADVICE: Mapping[str, Advice] = {
    "chain-cycle": Advice(
        "Each of the jobs waits for the others. They are held: those that run already go on as they were.",
        "Remove one of the edges that the message names.",
        "job_id: a\nafter: [{job: b}]\n---\njob_id: b\nafter: [{job: a}]",
        'job_id: a\ncron: "0 3 * * *"\n---\njob_id: b\nafter: [{job: a}]',
    ),
    "chain-depth": Advice(
        "A chain has at most 32 jobs one after another.",
        "Have several jobs run after the same one, or begin a second chain with a schedule and requires.",
    ),
    "chain-root": Advice(
        "With join: all, a job waits for all its predecessors within one run of a chain. These begin with different "
        "jobs, so there is no such run, and the job would never run.",
        "Write join: any, or give the job a schedule, and name its predecessors in requires.",
        "after: [{job: nightly-extract}, {job: monthly-close}]",
        'cron: "30 6 1 * *"\nrequires: [{job: nightly-extract, within: PT12H}, {job: monthly-close, within: PT12H}]',
    ),
    "chain-unknown": Advice(
        "The job would never run. Manifests link to jobs of manifests only: others are not reviewed with them.",
        "Correct the id, or add the manifest that declares that job.",
        "after: [{job: extarct}]",
        "after: [{job: extract}]",
    ),
    "chain-value": Advice(
        "Only values that a job extracts from its answer reach the jobs that run after it.",
        "Add the value to the extract of that job.",
        "job_id: extract\n---\nafter: [{job: extract}]\nwhen: {job: extract, json: {/rows: {gt: 0}}}",
        "job_id: extract\nextract: {rows: /result/rows}\n---\nafter: [{job: extract}]\n"
        "when: {job: extract, json: {/rows: {gt: 0}}}",
    ),
}
"""By the id of the rule."""
