"""The checks of `validate`: all problems of manifests, from those of each file to those of all jobs together."""

from myscheduler.core.findings.problem import Problem, reported
from myscheduler.core.gitops.enforcement import burst_problems
from myscheduler.core.manifest.declared import Desired
from myscheduler.core.manifest.lint import lint
from myscheduler.core.manifest.look_alikes import look_alikes
from myscheduler.core.manifest.secret_names import unknown_secrets
from myscheduler.core.schedule.clock import Clock


def check(desired: Desired, *, clock: Clock, secret_names: frozenset[str] | None = None) -> tuple[Problem, ...]:
    """All problems, sorted by location; with `secret_names`, references to other secrets are problems, too."""
    jobs = desired.jobs.values()
    unknown = () if secret_names is None else unknown_secrets(jobs, secret_names)
    warnings, bursts = lint(jobs, clock=clock), burst_problems(desired, clock=clock)
    return reported([*desired.problems, *warnings, *unknown, *bursts, *look_alikes(desired.jobs, beside={})])
