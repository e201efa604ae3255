"""What a job declares about other jobs, as checks over all jobs need it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from myscheduler.core.findings.problem import Loc
from myscheduler.core.job.after import DeclaredAfter, after_from_json, after_to_json
from myscheduler.core.job.sent import sent_fields
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.templates.context import AFTER
from myscheduler.core.templates.faults import TemplateError
from myscheduler.core.templates.places import each_text
from myscheduler.core.templates.syntax import Expression, has_template, parse

OF_EVERY = frozenset({"status", "execution_id"})
"""What templates have of each job that their own runs after."""


@dataclass(frozen=True, slots=True)
class Links:
    """The links of one job with others."""

    after: DeclaredAfter | None = None
    requires: tuple[str, ...] = ()
    extracts: tuple[str, ...] = ()
    """The names of the values that it hands on."""
    uses: tuple[tuple[str, str], ...] = ()
    """Jobs, and the values of them that its condition and its templates ask for."""


def links_of(spec: JobSpec) -> Links | None:
    """The links of a job; `None` if it has none, as most jobs."""
    after = spec.schedule if isinstance(spec.schedule, DeclaredAfter) else None
    if after is None and not spec.requires and not spec.extract:
        return None
    uses = dict.fromkeys(_uses(spec, after)) if after is not None else ()
    return Links(after, tuple(one.job for one in spec.requires), tuple(name for name, _ in spec.extract), tuple(uses))


def linked_to(spec: JobSpec) -> list[str]:
    """The ids of the jobs that this one runs after, or requires."""
    after = spec.schedule.jobs if isinstance(spec.schedule, DeclaredAfter) else ()
    return [*after, *(one.job for one in spec.requires)]


def link_places(spec: JobSpec) -> Iterator[Loc]:
    """Where in its manifest the job names others."""
    after = spec.schedule.jobs if isinstance(spec.schedule, DeclaredAfter) else ()
    yield from (("after", number, "job") for number in range(len(after)))
    yield from (("requires", number, "job") for number in range(len(spec.requires)))


def _uses(spec: JobSpec, after: DeclaredAfter) -> Iterator[tuple[str, str]]:
    for at in after.when.json if after.when else ():
        yield after.when.job if after.when else "", at.pointer.split("/")[1].replace("~1", "/").replace("~0", "~")
    yield from (one for one in handed_on(spec) if one[1] not in OF_EVERY)


def handed_on(spec: JobSpec) -> Iterator[tuple[str, str]]:
    """Jobs, and what the templates of this one ask for of them."""
    texts: list[str] = []
    if spec.templates:
        each_text(sent_fields(spec), lambda text, _: texts.append(text), ())
    for text in texts:
        for part in _parsed(text):
            if isinstance(part, Expression) and len(part.path) == 3 and part.root == AFTER:
                _, job_id, name = part.path
                yield job_id, name


def _parsed(text: str) -> tuple[str | Expression, ...]:
    try:
        return parse(text) if has_template(text) else ()
    except TemplateError:  # it has its own complaint
        return ()


def links_to_json(links: Links) -> dict[str, Any]:
    """The links as JSON, without those that there are not."""
    written: dict[str, Any] = {} if links.after is None else after_to_json(links.after)
    more = {"requires": links.requires, "extracts": links.extracts, "uses": links.uses}
    return written | {name: value for name, value in more.items() if value}


def links_from_json(stored: Mapping[str, Any]) -> Links:
    """The inverse of `links_to_json`."""
    return Links(
        after_from_json(stored) if "after" in stored else None,
        tuple(stored.get("requires", ())),
        tuple(stored.get("extracts", ())),
        tuple((job_id, name) for job_id, name in stored.get("uses", ())),
    )
