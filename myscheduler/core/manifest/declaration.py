"""Checks the fields of a job, from a manifest or from `POST /jobs`, and turns them into a `JobSpec`.

Both use the same model and the same checks, so that a job means the same in a manifest and in the API.
"""

import json
import math
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import Any
from urllib.parse import urlsplit

from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.calls.hosts import host_fault
from myscheduler.core.calls.link_local import NOWHERE, Reach, advice, called_address
from myscheduler.core.calls.methods import method_fault
from myscheduler.core.findings.problem import Complaint, Loc, Severity, has_control, shown
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.codec import shared_texts
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.crons import follows_real_time
from myscheduler.core.job.limits import NO_LIMITS, Limits
from myscheduler.core.job.notify import USUAL
from myscheduler.core.job.payload import pairs_from_json
from myscheduler.core.job.ping import Ping
from myscheduler.core.job.sent import SENT
from myscheduler.core.job.spec import (
    DeclaredDate,
    DeclaredInterval,
    DeclaredSchedule,
    JobSpec,
)
from myscheduler.core.job.transport import transport_texts
from myscheduler.core.manifest.after_field import after_faults, declared_requires
from myscheduler.core.manifest.auth_field import auth_faults, declared_auth, declared_sign, token_url_of
from myscheduler.core.manifest.calendars_file import NamedCalendars
from myscheduler.core.manifest.companions import check_companions, follows_from
from myscheduler.core.manifest.excess import excess
from myscheduler.core.manifest.expect_field import declared_expect, expect_faults
from myscheduler.core.manifest.faults import Faults
from myscheduler.core.manifest.field_faults import read_fields
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.manifest.header_checks import check_headers
from myscheduler.core.manifest.limit_fields import declared_limits
from myscheduler.core.manifest.objective_field import declared_objective, objective_faults
from myscheduler.core.manifest.payload_field import declared_payload, payload_faults
from myscheduler.core.manifest.ping_field import declared_ping, ping_faults
from myscheduler.core.manifest.retry_field import declared_retry, max_retries, retry_faults
from myscheduler.core.manifest.schedule_fields import FIELD_OF_KIND, declared_schedule, reading_zone
from myscheduler.core.manifest.transport_field import declared_transport, transport_faults
from myscheduler.core.notifications.overrides import read_notify, unknown_channels
from myscheduler.core.policy.policy import Policy, insecure, judge
from myscheduler.core.schedule.exclusions import search_run
from myscheduler.core.schedule.slots import TICK, Adjusted, Interval, Schedule, back, next_after
from myscheduler.core.secrets.references import faults_in, is_in_host, reference_faults
from myscheduler.core.templates.declaring import prepare
from myscheduler.core.templates.variables import NO_VARIABLES, Variables
from myscheduler.messages.message import said

_ID_FORBIDDEN = frozenset("/?#%")


def declare(
    values: Mapping[str, Any],
    *,
    zone: str,
    calendars: NamedCalendars | None = None,
    policies: Sequence[Policy] = (),
    reach: Reach = NOWHERE,
    channels: Collection[str] | None = None,
    variables: Variables = NO_VARIABLES,
) -> tuple[JobSpec | None, list[Complaint]]:
    """Turn the fields of a job into a spec.

    `zone` is the service's zone, for local times of jobs without a `timezone`; `calendars` are those of
    `calendars.yaml`; `policies` are all that apply to the job; `reach` are the link-local addresses it may call;
    `channels` are those of `notifications.yaml`, or `None` if they are not known; `variables` those of `vars.yaml`.
    Returns the spec, or `None` if any complaint is an error, and all complaints at once. A job that is too large gets
    only that complaint.
    """
    if fault := excess(values):
        return None, [fault]
    prepared = prepare(values, variables, zone=zone)
    if prepared.values is not values and (fault := excess(prepared.values)):
        return None, [fault]
    if prepared.excess:
        return None, [prepared.excess]
    values = prepared.values
    fields, complaints = read_fields(values)
    misshapen = {complaint.loc[:1] for complaint in complaints}
    url = prepared.url(fields.target_url)
    complaints += [
        *prepared.complaints,
        *_check(fields, url),
        *check_headers(values.get("headers"), fields.headers or {}),
        *check_companions(fields, misshapen),
        *objective_faults(fields),
        *ping_faults(fields, misshapen),
        *payload_faults(fields),
        *auth_faults(fields),
        *retry_faults(fields),
        *expect_faults(fields),
        *after_faults(fields),
        *transport_faults(fields, reach),
        *_check_reach(("target_url",), url, reach),
        *_check_reach(("auth", "oauth2", "token_url"), token_url_of(fields), reach),
        *_check_encodable(fields),
        *_check_notify(fields.notify, channels),
    ]
    faults = Faults()
    schedule = declared_schedule(fields, zone, faults)
    is_missing = complaints and not _has_schedule(fields)  # it may be one of the complaints
    complaints += [
        one for one in faults.found if not follows_from(one, misshapen) and not (is_missing and one.rule == "schedule")
    ]
    faults = Faults()
    own_zone = reading_zone(fields, zone)
    limits = declared_limits(fields, faults, zone=own_zone, calendars=calendars or NamedCalendars())
    complaints += faults.found
    if fields.tls is not None and fields.tls.verify is False:
        complaints += insecure(fields.target_url or "", policies)
    if policies and () not in misshapen:
        draft = _spec(fields, schedule or _SOME_DATE, limits or NO_LIMITS, has_templates=prepared.has_templates)
        if fields.target_url is None and ("ping",) in misshapen:
            draft = replace(draft, ping=_SOME_PING)
        complaints += _about_valid(judge(draft, policies), complaints, misshapen)
    if schedule is not None and fields.dst and follows_real_time(schedule):
        message = said("dst-without-effect")
        complaints.append(Complaint(("dst",), "no-effect", message, Severity.WARNING, at_key=True))
    if schedule is None or limits is None or any(one.severity is Severity.ERROR for one in complaints):
        return None, complaints
    spec = _spec(fields, schedule, limits, has_templates=prepared.has_templates)
    if fault := _never_runs(spec, zone):
        return spec if fault.severity is Severity.WARNING else None, [*complaints, fault]
    return spec, complaints


_SOME_DATE = DeclaredDate("2020-01-01T00:00:00Z")
"""Replaces an invalid schedule, which has its own complaint: no rule of a policy is about the time of a one-off."""

_SOME_PING = Ping("0" * 64)
"""Replaces an invalid `ping`, which has its own complaint: no rule about calls is about such a job."""


def _about_valid(found: Iterable[Complaint], complaints: Sequence[Complaint], misshapen: set[Loc]) -> list[Complaint]:
    """The complaints of a policy about valid fields: for invalid ones it judged placeholders."""
    wrong = {complaint.loc for complaint in complaints if complaint.severity is Severity.ERROR}
    return [one for one in found if one.loc not in wrong and one.loc[:1] not in misshapen]


_LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def _never_runs(spec: JobSpec, zone: str) -> Complaint | None:
    """A complaint if limits leave no run of the schedule; a warning if they leave so little that none was found."""
    if spec.limits == NO_LIMITS or isinstance(spec.schedule, DeclaredAfter):
        return None
    schedule = compile_schedule(spec, zone=zone, created_at=_LONG_AGO)
    start = max(back(schedule.start, TICK), _LONG_AGO) if isinstance(schedule, Adjusted) else _LONG_AGO
    if next_after(schedule, start) is None:
        if spec.limits.end_at is None or (isinstance(schedule, Adjusted) and isinstance(schedule.rhythm, Interval)):
            return None  # without an anchor, the first slot is not known here
        message = said("no-slot-left")
        return Complaint(("end_at",), "never-runs", message)
    found = search_run(_at_any_second(spec, schedule), start)
    if found.run is not None:
        return None
    field = "calendar" if spec.limits.calendar else "blackout"
    if found.is_certain:
        message = said("every-slot-left-out")
        return Complaint((field,), "never-runs", message)
    message = said("search-given-up")
    return Complaint((field,), "no-run-found", message, Severity.WARNING)


def _at_any_second(spec: JobSpec, schedule: Schedule) -> Schedule:
    """For an interval without an anchor, a slot at every second: its slots may be at any of them."""
    if isinstance(spec.schedule, DeclaredInterval) and spec.schedule.anchor is None and isinstance(schedule, Adjusted):
        return replace(schedule, rhythm=Interval(timedelta(seconds=1), _LONG_AGO))
    return schedule


def _has_schedule(fields: JobFields) -> bool:
    return any(getattr(fields, name) is not None for name in FIELD_OF_KIND.values())


def _spec(fields: JobFields, schedule: DeclaredSchedule, limits: Limits, *, has_templates: bool) -> JobSpec:
    job_id = fields.job_id or ""
    given: dict[str, Any] = fields.model_dump(
        exclude_none=True,
        include={
            "timezone", "body", "timeout_sec", "retry_backoff_sec",
            "misfire_grace_time", "max_instances", "overlap", "on_interrupt", "paused", "protect", "labels",
            "chain_timeout_sec",
        },
    )  # fmt: skip
    if fields.notify is not None:
        given["notify"] = read_notify(fields.notify)[0] or USUAL
    if fields.headers:
        given["headers"] = shared_texts(fields.headers)
    if fields.query:
        given["query"] = pairs_from_json(fields.query)
    if fields.retry:
        given["retry"] = declared_retry(fields.retry)
    if fields.expect:
        given["expect"] = declared_expect(fields.expect)
    if fields.requires:
        given["requires"] = declared_requires(fields)
    if fields.extract:
        given["extract"] = tuple(fields.extract.items())
    if fields.slo:
        given["slo"] = declared_objective(fields.slo)
    if fields.ping:
        given["ping"] = declared_ping(fields.ping)
        given["misfire_grace_time"] = int(given["ping"].grace.total_seconds())
    return JobSpec(
        job_id=job_id,
        name=fields.name or job_id,
        schedule=schedule,
        limits=limits,
        max_retries=max_retries(fields),
        transport=declared_transport(fields),
        target_url=fields.target_url or "",
        target=fields.target,
        payload=declared_payload(fields),
        auth=declared_auth(fields),
        sign=declared_sign(fields),
        templates=has_templates,
        method=intern((fields.method or "GET").upper()),
        **_catch_up(fields),
        **given,
    )


def _catch_up(fields: JobFields) -> dict[str, Any]:
    """The spec's `catchup` and `coalesce`: `last` and `all` mean the same as `coalesce: true` and `false`."""
    if fields.catchup is None:
        return {} if fields.coalesce is None else {"coalesce": fields.coalesce}
    return {"coalesce": fields.catchup != "all", "catchup": "none" if fields.catchup == "none" else None}


def _check(fields: JobFields, url: str | None) -> Iterator[Complaint]:
    """The rules for single fields that their types can't express; `url` is the one that is called."""
    if fields.job_id is not None and (fault := id_fault(fields.job_id)):
        yield Complaint(("job_id",), "invalid-id", fault)
    if has_control(fields.name or ""):
        message = said("name-with-control", value=shown(fields.name))
        yield Complaint(("name",), "invalid-name", message)
    if url is not None and not is_in_host(url) and (fault := _url_fault(url)):
        yield Complaint(("target_url",), "invalid-url", fault)
    if fields.method is not None and (fault := method_fault(fields.method)):
        yield Complaint(("method",), "invalid-method", fault)
    yield from reference_faults(fields.model_dump(include=set(SENT), exclude_none=True))
    yield from faults_in(transport_texts(declared_transport(fields)))


def _check_reach(loc: Loc, url: str | None, reach: Reach) -> Iterator[Complaint]:
    """Whether the URL's host may be called. Addresses that a name resolves to are checked at each call."""
    if url is None:
        return
    address = called_address(url)
    if address is not None and not reach.allows(address):
        yield Complaint(loc, "policy-link-local", advice(address))
    elif not is_in_host(url) and not _url_fault(url) and (fault := host_fault(url)):
        yield Complaint(loc, "invalid-url", fault)


def _check_notify(written: Any, channels: Collection[str] | None) -> Iterator[Complaint]:
    if written is not None:
        notify, complaints = read_notify(written)
        unknown = (Complaint(loc, "unknown-channel", message) for loc, message in unknown_channels(notify, channels))
        yield from (replace(one, loc=("notify", *one.loc)) for one in (*complaints, *unknown))


def _check_encodable(fields: JobFields) -> Iterator[Complaint]:
    """Values that can be parsed, but not be sent: half a surrogate pair (no UTF-8), infinite numbers (no JSON)."""
    given = fields.model_dump(exclude_unset=True)
    with suppress(ValueError, TypeError, RecursionError):  # UnicodeEncodeError among them
        _ = _STRICT.encode(given).encode()
        return
    for name, value in given.items():
        try:
            _STRICT.encode(value).encode()
        except UnicodeEncodeError:
            message = said("half-a-surrogate-pair")
            yield Complaint((name,), "invalid-text", message)
        except (ValueError, TypeError, RecursionError) as error:
            places = list(_endless_numbers(value, (name,)))
            for loc in places[:MOST_PROBLEMS]:
                message = said("number-not-in-json")
                yield Complaint(loc, "invalid-value", message)
            if not places:
                yield Complaint((name,), "invalid-value", said("not-expressible-in-json", why=error))


def _endless_numbers(value: Any, loc: Loc) -> Iterator[Loc]:
    """The locations of numbers that are infinite or NaN."""
    left = [(loc, value)]
    while left:
        place, one = left.pop()
        if isinstance(one, float) and not math.isfinite(one):
            yield place
        elif isinstance(one, dict | list):
            inner = one.items() if isinstance(one, dict) else enumerate(one)
            left += reversed([((*place, name), part) for name, part in inner])


_STRICT = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def id_fault(job_id: str) -> str | None:
    """What is wrong with a job id, or `None`."""
    if job_id in {".", ".."}:
        return said("id-not-in-a-url", value=shown(job_id))
    if found := sorted(_ID_FORBIDDEN & set(job_id)):
        instead = "".join("-" if char in _ID_FORBIDDEN else char for char in job_id)
        have = "have" if len(found) > 1 else "has"
        what = said("id-with-marks", value=shown(job_id), marks=" ".join(found), have=have)
        return said("id-write-instead", what=what, instead=shown(instead))
    if not job_id.isprintable() and not all(
        char.isprintable() or unicodedata.category(char) == "Zs" for char in job_id
    ):
        return said("id-with-control", value=shown(job_id))
    if job_id != job_id.strip():
        return said("id-with-outer-space", value=shown(job_id), meant=shown(job_id.strip()))
    return None


def _url_fault(url: str) -> str | None:
    if not url.strip():
        return said("url-empty")
    if any(map(str.isspace, url)) or has_control(url):
        return said("url-with-space")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:  # its message may repeat a part of a password
        return said("url-unreadable")
    if parts.scheme not in {"http", "https"}:
        return said("url-scheme", scheme=_scheme_shown(url))
    if not parts.hostname:
        return said("url-no-host")
    if port == 0:
        return said("url-port-0")
    return None


_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,20}://", re.IGNORECASE)


def _scheme_shown(url: str) -> str:
    """Names the scheme that was written. Nothing else of a URL is repeated, as it may contain a credential."""
    found = _SCHEME.match(url)
    return said("url-scheme-found", found=found[0]) if found else ""
