"""What is wrong with chains: what a job runs after."""

CHAINS = {
    "after-itself": "the job would run after itself: remove it",
    "after-twice": "{job_id} is named twice: write each job once",
    "join-of-one": "has no effect, as there is only one job to run after",
    "when-of-another": "{job_id} is none of the jobs in after: write one of them{hint}",
    "requires-itself": "the job would wait for itself: remove it",
    "requires-within-length": "is from a second to 366 days: write one such as PT12H",
    "extract-name": "{name} is no name of a value: write letters a to z, digits and underscores, other than status "
    "and execution_id",
    "not-with-after": "is about the slots of a schedule, and a job with after has none: remove it",
    "timeout-of-the-first": "belongs to the first job of a chain, and this one runs after others: write it there",
    "effects-skipped": "jobs after it that do not run either, with the reason upstream-skipped ({count:d}): "
    "{jobs:list}{more:hint}",
    "effects-run": "jobs after it that run nevertheless ({count:d}): {jobs:list}{more:hint}",
    "effects-never": "jobs after it that nothing starts any more, except by hand ({count:d}): {jobs:list}{more:hint}",
    "policy-chain-depth": "{job_id} is {depth} jobs below the beginning of its chain, more than the {most} that "
    "{place} allows: shorten the chain",
    "policy-chain-label": "{job_id} would be linked to {parent}, and {place} allows that only within one value of the "
    "label {label}: they have {own} and {other}",
    "chain-breaks-other": "{job_id}, which is linked to this job, would no longer fit: {why}",
    "chain-cycle": "closes a cycle: {path}: remove one of these edges",
    "chain-unknown": "there is no job {job_id}{hint}",
    "chain-too-deep": "is {depth} jobs below the beginning of its chain, and {most} are allowed: shorten the chain",
    "chain-no-common-root": "{first} and {second} do not begin with a common job, so no run has both: use join: any, "
    "or a schedule with requires",
    "chain-not-extracted": "{job_id} does not extract {name}: add it to its extract, which has {known}",
    "chain-nothing-extracted": "{job_id} extracts nothing: add extract: {{{name}: /…}} to it",
}
