"""Parses manifest files: the jobs they declare with their locations, and the problems with them.

An invalid document affects no others. It names the job that has to keep its last good spec; if it doesn't say which
job that is, all jobs of the file keep theirs.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from myscheduler.core.access.access_file import read_access
from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.chains.links import link_places, links_of
from myscheduler.core.findings.masking import field_of, is_credential_name
from myscheduler.core.findings.problem import Complaint, Loc, Problem, enough, worst
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.acceptance import Terms, accept_declared
from myscheduler.core.manifest.calendars_file import NO_CALENDARS, NamedCalendars, read_calendars
from myscheduler.core.manifest.declaration import id_fault
from myscheduler.core.manifest.declared import DeclaredJob, ParsedFile, Written, nowhere
from myscheduler.core.manifest.targets_file import NO_TARGETS, SharedTargets, read_targets
from myscheduler.core.notifications.notifications_file import read_notifications
from myscheduler.core.policy.caps import caps_of
from myscheduler.core.policy.file import NO_RULES, Rules, read_policy
from myscheduler.core.secrets.literals import literal_credentials
from myscheduler.core.secrets.references import UsedSecret, places_of
from myscheduler.core.source.configmaps import EmbeddedFile, Locate, embedded, here, is_object
from myscheduler.core.source.ignoring import NOTHING, read_ignoring
from myscheduler.core.source.snapshot import (
    ACCESS,
    CALENDARS,
    IGNORE,
    NOTIFICATIONS,
    POLICY,
    RESERVED,
    TARGETS,
    VARS,
    SourceFile,
    reserved_name_meant,
)
from myscheduler.core.source.strays import is_blank, is_job_like, is_template, not_a_manifest
from myscheduler.core.source.yaml import Document, YamlError, read_documents
from myscheduler.core.source.yaml_suspects import suspect
from myscheduler.core.templates.variables import NO_VARIABLES, Variables, read_variables
from myscheduler.messages.message import said


def parse_file(
    file: SourceFile,
    *,
    zone: str,
    calendars: NamedCalendars = NO_CALENDARS,
    rules: Rules | None = NO_RULES,
    channels: frozenset[str] | None = None,
    variables: Variables = NO_VARIABLES,
    targets: SharedTargets = NO_TARGETS,
    is_cautious: bool = True,
) -> ParsedFile:
    """Parse the manifests of one file; never raises for its content. `calendars` are those of `calendars.yaml`,
    `channels` those of `notifications.yaml` (`None` if they are not known), `variables` those of `vars.yaml`,
    `targets` those of `targets.yaml`.

    A job that breaks one of the `rules` counts as invalid. `None` means that the file doesn't belong to a source: then
    the policy of a ConfigMap in it may be the policy of the source that the ConfigMap becomes. Without `is_cautious`,
    what only warnings need is not collected.
    """
    terms = Terms.of(zone, calendars, rules or NO_RULES, channels, variables, targets)
    reading = _Reading(terms, is_of_no_source=rules is None, is_cautious=is_cautious)
    return _parse_bytes(file.path, file.content, reading, here)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The context of parsing: the terms that jobs are checked against, and what to collect."""

    terms: Terms
    is_of_no_source: bool
    is_cautious: bool
    """Collect credentials and references with their locations."""


def _parse_bytes(path: str, content: bytes, reading: _Reading, place: Locate) -> ParsedFile:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, column = place(content.count(b"\n", 0, error.start) + 1, 1)
        problem = Problem(path, line, column, "", "not-utf8", _encoding_advice(content))
        return ParsedFile(path, problems=(problem,), is_opaque=True, is_nameless=True)
    try:
        documents = list(read_documents(text))
    except YamlError as error:
        if is_template(text):
            return ParsedFile(path, problems=(not_a_manifest(path, *place(1, 1)),), is_mute=True)
        found = suspect(text, error.line)
        line, column = place(*((found[0], 1) if found else (error.line, error.column)))
        message = said("not-yaml", why=found[1]) if found else str(error)
        problem = Problem(path, line, column, "", "yaml-syntax", message)
        ids = _ids_in_broken(text)
        return ParsedFile(path, problems=(problem,), broken_ids=ids, is_opaque=True, is_nameless=not ids)
    if is_blank(text):
        return ParsedFile(path, is_mute=True)
    own = [document for document in documents if not is_object(document.value)]
    if own and not any(_misnamed(path, document) or is_job_like(document, text) for document in own):
        stray = ParsedFile(path, problems=(not_a_manifest(path, *place(*own[0].start)),), is_mute=True)
        documents = [document for document in documents if is_object(document.value)]
        return _merge(path, [stray, *(_parse_document(path, one, text, reading, place) for one in documents)])
    return _merge(path, [_parse_document(path, document, text, reading, place) for document in documents])


def _merge(path: str, parts: list[ParsedFile]) -> ParsedFile:
    if len(parts) == 1:
        return replace(parts[0], problems=enough(list(parts[0].problems))) if parts[0].problems else parts[0]
    return ParsedFile(
        path,
        jobs=tuple(job for part in parts for job in part.jobs),
        problems=enough([problem for part in parts for problem in part.problems]),
        broken_ids=frozenset[str]().union(*(part.broken_ids for part in parts)),
        is_opaque=any(part.is_opaque for part in parts),
        is_nameless=any(part.is_nameless for part in parts),
        is_mute=any(part.is_mute for part in parts),
        skipped=sum(part.skipped for part in parts),
        caps=tuple(cap for part in parts for cap in part.caps),
    )


def _parse_document(path: str, document: Document, text: str, reading: _Reading, place: Locate) -> ParsedFile:
    values = document.value
    if is_object(values):
        return ParsedFile(path, skipped=1) if place is not here else _parse_object(path, document, text, reading)
    if place is here and (misnamed := _misnamed(path, document)):
        return ParsedFile(path, problems=(misnamed,), is_opaque=True)
    spec, complaints = _judge(document, reading)
    job_id = spec.job_id if spec else _known_id(values)
    reported = worst(_unique([*document.complaints, *complaints]), MOST_PROBLEMS + 1)
    problems = tuple(_problem(path, document, complaint, place, job_id) for complaint in reported)
    if spec is None:
        return ParsedFile(
            path,
            problems=problems,
            broken_ids=frozenset([job_id] if job_id else []),
            is_opaque=not job_id,
            is_nameless=not job_id,
        )
    line, _ = place(*document.start)
    adopts = values.get("adopt") is True
    written = _written(spec, document, place, reading)
    job = DeclaredJob(spec.job_id, "", path, line, spec, written, adopts, links_of(spec))
    return ParsedFile(path, jobs=(job,), problems=problems)


def _misnamed(path: str, document: Document) -> Problem | None:
    """The problem if the document looks like a policy or calendars at a mistyped path: one problem instead of one for
    each key.
    """
    meant, values = reserved_name_meant(path), document.value
    if meant is None or not isinstance(values, dict) or values.keys() & {"job_id", "target_url"}:
        return None
    way = "move" if path.endswith(meant) else "rename"
    message = said("not-a-manifest-but", meant=meant, way=way)
    return _problem(path, document, Complaint(("job_id",), "missing-field", message), here)


def _known_id(values: Any) -> str:
    """The valid id that a document gives, whatever else is wrong with it; else empty."""
    job_id = values.get("job_id") if isinstance(values, dict) else None
    return job_id if isinstance(job_id, str) and not id_fault(job_id) else ""


def _written(spec: JobSpec, document: Document, place: Locate, reading: _Reading) -> Written:
    target = reading.terms.targets.known.get(spec.target or "") if reading.is_cautious else None
    contract = target.contract if target is not None else None
    return Written(
        schedule_at=place(*document.position((next(iter(_SCHEDULE_FIELDS & document.value.keys()), ""),))),
        retries_at=place(*document.position(("max_retries",))),
        body_at=place(*document.position(("body",))),
        headers_at=place(*document.position(("headers",), at_key=True)),
        says_day_match="day_match" in document.value,
        says_overlap="overlap" in document.value,
        credentials=tuple(
            (field_of(loc), *place(*document.position(loc)), what)
            for loc, what in islice(literal_credentials(spec) if reading.is_cautious else (), MOST_PROBLEMS + 1)
        ),
        secrets=tuple(
            UsedSecret(name, field_of(loc), *place(*document.position(loc)))
            for loc, name in (places_of(spec) if reading.is_cautious else ())
        ),
        contract=contract,
        links_at={loc: place(*document.position(loc)) for loc in link_places(spec)},
        place_of=nowhere if contract is None else _placing(document, place),
    )


def _placing(document: Document, place: Locate) -> Callable[[Loc], tuple[int, int] | None]:
    def place_of(loc: Loc) -> tuple[int, int] | None:
        return place(*document.position(loc)) if loc[0] in document.value else None

    return place_of


_SCHEDULE_FIELDS = frozenset({"cron", "interval", "run_at", "after"})


def _judge(document: Document, reading: _Reading) -> tuple[JobSpec | None, list[Complaint]]:
    """The spec, and the complaints besides those about YAML; a value that YAML complains about gets no others."""
    spec, complaints = _declare(document.value, reading) if document.value is not None else (None, [])
    unclear = [complaint.loc for complaint in document.complaints]
    if not unclear:
        return spec, complaints
    return None, [one for one in complaints if not any(one.loc[: len(loc)] == loc for loc in unclear)]


def _declare(values: Any, reading: _Reading) -> tuple[JobSpec | None, list[Complaint]]:
    if not isinstance(values, dict):
        found = (
            said("a-list")
            if isinstance(values, list)
            else said("some-text")
            if isinstance(values, str)
            else said("a-lone-value")
        )
        advice = "" if isinstance(values, list) else said("name-in-ignore", file=IGNORE)
        message = said("not-a-manifest", found=found, advice=advice)
        return None, [Complaint((), "not-a-mapping", message)]
    return accept_declared(values, reading.terms)


def _unique(complaints: list[Complaint]) -> list[Complaint]:
    """One complaint per location and rule: a value that matches neither of two shapes is one mistake."""
    return list({(complaint.loc, complaint.rule): complaint for complaint in complaints}.values())


def _problem(path: str, document: Document, complaint: Complaint, place: Locate, job_id: str = "") -> Problem:
    at = document.position(complaint.loc, at_key=complaint.at_key)
    if complaint.at is not None:
        at = document.position_in(complaint.loc, complaint.at)
    line, column = place(*at)
    message = (
        _WITHOUT_VALUE if complaint.rule == "yaml-surprise" and _may_be_secret(complaint.loc) else complaint.message
    )
    return Problem(path, line, column, complaint.field, complaint.rule, message, complaint.severity, job_id)


_WITHOUT_VALUE = said("read-differently")


def _may_be_secret(loc: Loc) -> bool:
    """Whether the value at this location must not appear in a message."""
    return loc[:1] == ("headers",) or any(is_credential_name(str(part)) for part in loc)


def _parse_object(path: str, document: Document, text: str, reading: _Reading) -> ParsedFile:
    """Parse a Kubernetes object. The keys of a ConfigMap are the files of one folder; other objects are skipped."""
    found = embedded(document, text)
    problems = tuple(_problem(path, document, complaint, here) for complaint in found.complaints)
    parts = [
        ParsedFile(path, problems=problems, is_opaque=bool(problems), is_nameless=bool(problems), skipped=found.skipped)
    ]
    parts += [_parse_folder(path, {file.name: file for file in folder}, reading) for folder in found.folders]
    return _merge(path, parts)


def _parse_folder(path: str, files: Mapping[str, EmbeddedFile], reading: _Reading) -> ParsedFile:
    parts = []
    try:
        ignoring = read_ignoring(files[IGNORE].content) if IGNORE in files else NOTHING
    except ValueError as error:
        line, column = files[IGNORE].place(1, 1)
        unclear = Problem(path, line, column, IGNORE, "unreadable", said("unreadable", why=error))
        return ParsedFile(path, problems=(unclear,), is_opaque=True, is_nameless=True)
    calendars, policy = files.get(CALENDARS), files.get(POLICY)
    if calendars is not None:
        named = read_calendars(SourceFile.of(path, calendars.content))
        parts.append(ParsedFile(path, problems=tuple(_placed(problem, calendars.place) for problem in named.problems)))
        reading = replace(reading, terms=replace(reading.terms, calendars=named))
    if (access := files.get(ACCESS)) is not None:  # it counts only at the root of a source, where a ConfigMap may go
        problems = read_access(SourceFile.of(path, access.content)).problems
        parts.append(ParsedFile(path, problems=tuple(_placed(problem, access.place) for problem in problems)))
    if (told := files.get(NOTIFICATIONS)) is not None:
        found = read_notifications(SourceFile.of(path, told.content))
        parts.append(ParsedFile(path, problems=tuple(_placed(problem, told.place) for problem in found.problems)))
        reading = replace(reading, terms=replace(reading.terms, channels=found.names))
    if (variables := files.get(VARS)) is not None:
        given = read_variables(SourceFile.of(path, variables.content), reading.terms.variables.environment)
        parts.append(ParsedFile(path, problems=tuple(_placed(problem, variables.place) for problem in given.problems)))
        reading = replace(reading, terms=replace(reading.terms, variables=given))
    if (targets := files.get(TARGETS)) is not None:
        shared = read_targets(SourceFile.of(path, targets.content), variables=reading.terms.variables)
        parts.append(ParsedFile(path, problems=tuple(_placed(problem, targets.place) for problem in shared.problems)))
        reading = replace(reading, terms=replace(reading.terms, targets=shared))
    rules = _embedded_rules(path, policy) if policy is not None else NO_RULES
    terms = replace(
        reading.terms,
        policies=(
            *reading.terms.policies,
            *rules.binding,
        ),  # in addition to those of the source: a ConfigMap can't relax them
        reach=rules.reach if reading.is_of_no_source else reading.terms.reach,
    )
    reading = replace(reading, terms=terms)
    own = {*RESERVED, *(reading.terms.targets.documents if targets is not None else ())}
    for name, file in files.items():
        if name not in own and not name.startswith(".") and not ignoring.leaves_out(name):
            parts.append(_parse_bytes(path, file.content, reading, file.place))
    return _under(rules, _merge(path, parts))


def _embedded_rules(path: str, file: EmbeddedFile) -> Rules:
    """The rules, with locations in the file that contains the ConfigMap."""
    rules = read_policy(SourceFile.of(path, file.content))
    policy = rules.policy
    if policy is not None:
        policy = replace(policy, lines={name: file.place(line, 1)[0] for name, line in policy.lines.items()})
    return replace(rules, policy=policy, problems=tuple(_placed(one, file.place) for one in rules.problems))


def _under(rules: Rules, file: ParsedFile) -> ParsedFile:
    """Apply the rules of a ConfigMap to its jobs: their limits count them; if they are invalid, the jobs are held."""
    ids = frozenset(job.job_id for job in file.jobs)
    if rules.policy is None:
        return replace(file, jobs=(), problems=(*file.problems, *rules.problems), broken_ids=file.broken_ids | ids)
    return replace(file, caps=caps_of(rules.binding, ids))


def _placed(problem: Problem, place: Locate) -> Problem:
    line, column = place(problem.line, problem.column)
    return replace(problem, line=line, column=column)


_ID_LINE = re.compile(r"^[^\S\n]*+job_id[^\S\n]*+:[^\S\n]*+(.+)$", re.MULTILINE)
_COMMENT = re.compile(r"(?<!\s)\s+#")


def _ids_in_broken(text: str) -> frozenset[str]:
    """The ids that invalid YAML seems to declare, so that a job is held even if its file was also moved."""
    found = (_COMMENT.split(match, maxsplit=1)[0].strip().strip("'\"") for match in _ID_LINE.findall(text))
    return frozenset(job_id for job_id in found if job_id and not id_fault(job_id))


def _encoding_advice(content: bytes) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return said("not-utf8-but-utf16")
    try:
        content.decode("cp932")
    except UnicodeDecodeError:
        return said("not-utf8")
    return said("not-utf8-but-cp932")
