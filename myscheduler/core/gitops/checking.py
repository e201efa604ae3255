"""The checks of `validate`: all problems of manifests, from those of each file to those of all jobs together."""

from myscheduler.core.contract.checking import contract_problems
from myscheduler.core.findings.problem import Problem, reported
from myscheduler.core.gitops.enforcement import burst_problems
from myscheduler.core.gitops.linking import link_problems
from myscheduler.core.manifest.declared import Desired
from myscheduler.core.manifest.lint import lint
from myscheduler.core.manifest.look_alikes import look_alikes
from myscheduler.core.manifest.secret_names import unknown_secrets
from myscheduler.core.schedule.clock import Clock


def check(desired: Desired, *, clock: Clock, secret_names: frozenset[str] | None = None) -> tuple[Problem, ...]:
    """All problems, sorted by location; with `secret_names`, references to other secrets are problems, too."""
    jobs = desired.jobs.values()
    of_jobs = ((job.path, one) for job in jobs if job.written for one in job.written.secrets)
    used = [] if secret_names is None else [*of_jobs, *desired.channel_secrets]
    unknown = unknown_secrets(used, secret_names or ())
    warnings, bursts = lint(jobs, clock=clock), burst_problems(desired, clock=clock)
    contradictions = contract_problems(jobs, desired.contracts)
    alike = look_alikes(desired.jobs, beside={})
    return reported([*desired.problems, *warnings, *unknown, *bursts, *alike, *contradictions, *link_problems(desired)])
