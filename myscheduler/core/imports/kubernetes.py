"""Imports CronJobs of Kubernetes whose container only calls curl or wget."""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from myscheduler.core.bounds import LONGEST_CRONTAB_LINE
from myscheduler.core.crontab.collecting import Imported
from myscheduler.core.crontab.command import find_calls
from myscheduler.core.crontab.dates import Clocks
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.line import Found
from myscheduler.core.crontab.secret_hints import secret_hints
from myscheduler.core.crontab.secret_names import ascii_name
from myscheduler.core.crontab.shell_text import marked
from myscheduler.core.crontab.web_call import WebCall
from myscheduler.core.crontab.wrappers import SHELLS, FoundCall, program_of
from myscheduler.core.imports.exports import (
    Export,
    Fields,
    Item,
    items_in,
    literal,
    name_of,
    number_of,
    part,
    parts,
    text_of,
)
from myscheduler.core.imports.times import go_times
from myscheduler.core.manifest.retry_fields import LONGEST_TOTAL, MOST_ATTEMPTS
from myscheduler.core.source.yaml import Document

_DAY = 86_400
_USUAL_BACKOFF = 6
_OVERLAPS = {"Allow": "allow", "Forbid": "queue", "Replace": "replace"}
"""A run that Forbid holds back is started late, as soon as the one before it has ended."""
_BUSYBOX = frozenset({"busybox", "alpine"})
_OF_BUSYBOX = "the wget of BusyBox checks no certificates, retries nothing and follows 5 redirects: a job is stricter"
_NO_LIMIT = "the call has no time limit: timeout_sec is 30 seconds; set a larger one where an answer takes longer"
_STATUSES_NOT_RETRIED = "an answer of 4xx other than 408 and 429 is not retried (backoffLimit)"


def import_kubernetes_cronjob(
    text: str, *, path: str, zone: str, timezone: str = "UTC", settings: Mapping[str, str] | None = None
) -> Imported:
    """Turn each call of each CronJob into a manifest. `path` is the name of the file in findings.

    `zone` is that of the service, `timezone` that of the cluster's controller, which counts for CronJobs without a
    `timeZone`. `settings` are variables that override those of the containers.
    """
    export = Export.of(path, zone)
    for document in export.documents(text):
        for item in _cron_jobs(document, document.value, ()):
            export.take(item, partial(_import, export, item, timezone, settings or {}))
    return export.imported()


def _cron_jobs(document: Document, value: Any, loc: tuple[str | int, ...]) -> Iterator[Item]:
    """The CronJobs in a document, which may be a list; objects of other kinds are none."""
    if isinstance(value, Mapping) and value.get("kind") == "CronJob":
        yield Item(value, document.position(loc))
    elif isinstance(value, Mapping) and str(value.get("kind", "")).endswith("List"):
        for index, item in enumerate(items_in(document, value.get("items"), (*loc, "items"))):
            if item.value.get("kind", "CronJob" if value["kind"] == "CronJobList" else None) == "CronJob":
                yield Item(item.value, document.position((*loc, "items", index)))


def _import(export: Export, item: Item, timezone: str, settings: Mapping[str, str]) -> None:
    metadata, spec = part(item.value, "metadata"), part(item.value, "spec")
    name = name_of(text_of(metadata, "name"), fallback="cronjob")
    job = part(part(spec, "jobTemplate"), "spec")
    times, own_zone = go_times(text_of(spec, "schedule"))
    zone = text_of(spec, "timeZone", own_zone or timezone)
    namespace = text_of(metadata, "namespace", "")
    container = _only_container(job)
    environment = _Environment.of(export, container, namespace, settings)
    line = _line_of(container, environment)
    found = find_calls(line, environment.values, None, export.to.secrets, export.to.expressions, Clocks(zone, "UTC"))
    fields: Fields = {
        "timezone": zone,
        "labels": _labels(metadata, namespace),
        "overlap": _overlap(spec),
        "misfire_grace_time": _grace(export, item, spec),
        "paused": True if spec.get("suspend") is True else None,
        **times.fields,
    }
    said = [*times.warnings, *found.warnings]
    if program_of(_image(container)) in _BUSYBOX and "wget" in line:
        said.append(_OF_BUSYBOX)
    for call in found.calls:
        said += _write(export, item, fields, call, job, found, environment, name)
    for warning in dict.fromkeys(said):
        export.warn(item, warning)


def _write(
    export: Export,
    item: Item,
    fields: Fields,
    found_call: FoundCall,
    job: Mapping[str, Any],
    found: Found,
    environment: "_Environment",
    name: str,
) -> list[str]:
    """Write the manifest of one call; returns what it doesn't keep."""
    call = found_call.call
    if found_call.delay or found_call.jitter:
        raise NotTakenOver("waits before its call (sleep): write a later schedule, or jitter_sec")
    sent = _limited(call, call.fields(), job)
    fields = {**fields, "overlap": found_call.overlap or fields["overlap"]}
    text = export.write(item, fields, sent, named=name, logins=call.logins)
    for hint in (*environment.hints(text), *secret_hints(found, call, text)):
        export.warn(item, hint, "secret")
    return call.warnings


# --- the container ---


def _only_container(job: Mapping[str, Any]) -> Mapping[str, Any]:
    for field_name in ("parallelism", "completions"):
        if (number_of(job, field_name, 1) or 1) > 1:
            raise NotTakenOver(f"runs several pods ({field_name}): one job makes one call")
    pod = part(part(job, "template"), "spec")
    if parts(pod, "initContainers"):
        raise NotTakenOver("has init containers, which a job can't run")
    containers = parts(pod, "containers")
    if len(containers) != 1:
        raise NotTakenOver(f"has {len(containers)} containers: only a single one that calls curl or wget is supported")
    return containers[0]


def _image(container: Mapping[str, Any]) -> str:
    """The image without its tag and its digest."""
    return re.sub(r"(:[\w.-]+)?(@.*)?$", "", text_of(container, "image", ""))


def _line_of(container: Mapping[str, Any], environment: "_Environment") -> str:
    """The line of a shell that runs what the container runs."""
    command, arguments = (_words(container, name) for name in ("command", "args"))
    if not command:
        if program_of(_image(container)) != "curl":
            raise NotTakenOver("has no command, so its image runs a program of its own")
        is_program = bool(arguments) and program_of(arguments[0]) in {"curl", *SHELLS}
        command = [] if is_program else ["curl"]
    line = " ".join(map(environment.quoted, (*command, *arguments)))
    if len(line) > LONGEST_CRONTAB_LINE:
        raise NotTakenOver(f"its command is longer than {LONGEST_CRONTAB_LINE:,} characters")
    return line


def _words(container: Mapping[str, Any], name: str) -> Sequence[str]:
    words = container.get(name)
    if words is not None and not (isinstance(words, list) and all(isinstance(one, str) for one in words)):
        raise NotTakenOver(f"its {name} is not a list of texts")
    return words or []


_REFERENCE = re.compile(r"\$\$|\$\(([A-Za-z_.-][\w.-]*)\)")
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(slots=True)
class _Environment:
    """The variables of a container."""

    values: dict[str, str] = field(default_factory=dict, repr=False)
    """Values, and markers of secrets."""
    unknown: set[str] = field(default_factory=set)
    """Variables whose values are elsewhere."""
    secrets: dict[str, str] = field(default_factory=dict)
    """What the secrets must hold, by their names."""

    @classmethod
    def of(
        cls, export: Export, container: Mapping[str, Any], namespace: str, settings: Mapping[str, str]
    ) -> "_Environment":
        found = cls()
        for variable in parts(container, "env"):
            name = text_of(variable, "name")
            if name in settings:
                found.values[name] = settings[name]
            elif secret := part(part(variable, "valueFrom"), "secretKeyRef"):
                found._add_secret(export, name, text_of(secret, "name"), text_of(secret, "key"), namespace)
            elif variable.get("valueFrom") is not None:
                found.unknown.add(name)
            else:
                found.values[name] = found.expanded(text_of(variable, "value", ""))
        found.values |= {name: value for name, value in settings.items() if name not in found.values}
        found.values.pop("SHELL", None)  # it doesn't choose the shell of a container
        return found

    def _add_secret(self, export: Export, variable: str, secret: str, key: str, namespace: str) -> None:
        name = export.to.secrets.name_of(f"secret {namespace}/{secret}/{key}", ascii_name(f"{secret}-{key}") or "value")
        self.values[variable] = marked(name)
        where = f" -n {namespace}" if namespace else ""
        self.secrets[name] = (
            f"${variable} became ${{secret:{name}}}, which must hold the key {key} of the Secret {secret}: mount that "
            f"into the service, or copy it (kubectl get secret{where} {secret})"
        )

    def expanded(self, text: str) -> str:
        """The text with each `$(NAME)` of a known variable replaced, as Kubernetes does it."""
        return _REFERENCE.sub(lambda found: self.values.get(found[1], found[0]) if found[1] else "$", text)

    def quoted(self, word: str) -> str:
        """The word for a shell, in which `$(NAME)` is the value of the variable."""
        pieces, at = [], 0
        for found in _REFERENCE.finditer(word):
            name = found[1]
            if name is not None and name not in self.values and name not in self.unknown:
                continue
            pieces.append(shlex.quote(word[at : found.start()]) if found.start() > at else "")
            is_variable = name is not None and _NAME.fullmatch(name)
            pieces.append(f'"${{{name}}}"' if is_variable else shlex.quote(self.expanded(found[0])))
            at = found.end()
        return "".join([*pieces, shlex.quote(word[at:]) if at < len(word) or not pieces else ""])

    def hints(self, text: str) -> Iterator[str]:
        """What the secrets must hold that are in the text of a manifest."""
        return (hint for name, hint in self.secrets.items() if f"${{secret:{name}}}" in text)


# --- fields ---


def _labels(metadata: Mapping[str, Any], namespace: str) -> Fields | None:
    labels = {name: text_of(part(metadata, "labels"), name) for name in part(metadata, "labels")}
    return literal(({"namespace": namespace} if namespace else {}) | labels) or None


def _overlap(spec: Mapping[str, Any]) -> str:
    policy = text_of(spec, "concurrencyPolicy", "Allow")
    if policy not in _OVERLAPS:
        raise NotTakenOver("its concurrencyPolicy is none of Allow, Forbid and Replace")
    return _OVERLAPS[policy]


def _grace(export: Export, item: Item, spec: Mapping[str, Any]) -> int | None:
    seconds = number_of(spec, "startingDeadlineSeconds")
    if seconds is not None and not 1 <= seconds <= 366 * _DAY:
        export.warn(item, "startingDeadlineSeconds became the nearest misfire_grace_time that there is")
        return 1 if seconds < 1 else 366 * _DAY
    return seconds


def _limited(call: WebCall, fields: Fields, job: Mapping[str, Any]) -> Fields:
    """The fields of a call with the time limit and the retries of the CronJob."""
    pod = part(part(job, "template"), "spec")
    limits = [number_of(job, "activeDeadlineSeconds"), number_of(pod, "activeDeadlineSeconds")]
    deadline = min((limit for limit in limits if limit), default=None)
    if deadline is not None:
        call.limit(deadline)
        fields["timeout_sec"] = min(fields.get("timeout_sec", deadline), deadline, _DAY)
    if call.timeout_sec is None:
        call.warn(
            "its call has no time limit: timeout_sec is 30 seconds; set a larger one where an answer takes longer"
        )
    limit = number_of(job, "backoffLimit", _USUAL_BACKOFF) or 0
    if not limit or fields.get("max_retries"):
        if limit:
            call.warn("only the retries of the program are kept, not those of the pod (backoffLimit)")
        return fields
    retry: Fields = {"max_delay_sec": 360}
    if deadline is not None:
        retry["max_total_sec"] = min(deadline, LONGEST_TOTAL)
    if call.fails_by_status:
        call.warn(_STATUSES_NOT_RETRIED)
    else:  # the program ends well whatever the answer is
        retry["on"] = ["connect", "timeout", "reset"]
    return fields | {"max_retries": min(limit, MOST_ATTEMPTS - 1), "retry_backoff_sec": 10, "retry": retry}
