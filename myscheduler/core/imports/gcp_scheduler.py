"""Imports jobs of Google's Cloud Scheduler: what `gcloud scheduler jobs list --format json` prints."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from myscheduler.core.crontab.collecting import Imported
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.findings.problem import Severity
from myscheduler.core.imports.exports import (
    Export,
    Fields,
    Item,
    decoded,
    items_in,
    literal,
    name_of,
    number_of,
    part,
    payload_of,
    text_of,
    title_of,
)
from myscheduler.core.imports.times import unix_times
from myscheduler.core.manifest.retry_fields import MOST_ATTEMPTS
from myscheduler.core.source.yaml import Document

_PUBSUB = "https://www.googleapis.com/auth/pubsub"
_AGENT = "google-cloud-scheduler"
_AGENT_ACCOUNT = "the service agent of Cloud Scheduler"
_HEADERS_LOST = (
    "Cloud Scheduler also sends User-Agent: Google-Cloud-Scheduler, X-CloudScheduler: true and headers with the name "
    "and the time of the job: a target that reads them needs them as headers of the job"
)
_RETRIES = "every answer but 2xx is retried, but no certificate that can't be trusted"
_DAY = 86_400


def import_gcp_scheduler(text: str, *, path: str, zone: str) -> Imported:
    """Turn each job into a manifest. `path` is the name of the file in findings, `zone` that of the service."""
    export = Export.of(path, zone)
    for document in export.documents(text):
        found = list(_jobs_in(document))
        if not found and document.value != []:
            message = "has no jobs of Cloud Scheduler: `gcloud scheduler jobs list --format json` prints them"
            export.to.report(document.start[0], "not-taken-over", message, Severity.ERROR)
        for item in found:
            export.take(item, partial(_import, export, item))
    return export.imported()


def _jobs_in(document: Document) -> Iterator[Item]:
    value = document.value
    if isinstance(value, Mapping) and "jobs" in value:
        yield from items_in(document, value["jobs"], ("jobs",))
    elif isinstance(value, list) or (isinstance(value, Mapping) and "schedule" in value):
        yield from items_in(document, value, ())


def _import(export: Export, item: Item) -> None:
    job = item.value
    name = text_of(job, "name")
    times = unix_times(text_of(job, "schedule"))
    for warning in times.warnings:
        export.warn(item, warning)
    call = _call(export, item)
    fields: Fields = {
        "name": title_of(text_of(job, "description", "")),
        "timezone": text_of(job, "timeZone", "UTC"),
        "paused": True if text_of(job, "state", "") in {"PAUSED", "DISABLED"} else None,
        "timeout_sec": _whole(_seconds(job, "attemptDeadline", "180s")),
        **times.fields,
        **_retries(export, item),
    }
    export.write(item, fields, call, named=name_of(name.rpartition("/")[2], fallback="job"))


def _call(export: Export, item: Item) -> Fields:
    job = item.value
    if http := part(job, "httpTarget"):
        return _http_call(export, item, http, text_of(http, "uri"))
    if topic := part(job, "pubsubTarget"):
        return _publishing(export, item, topic)
    if engine := part(job, "appEngineHttpTarget"):
        host = text_of(part(engine, "appEngineRouting"), "host", "")
        if not host:
            raise NotTakenOver("its App Engine target has no appEngineRouting.host, so its URL is not known")
        export.warn(item, "App Engine trusts its own scheduler: its handler has to accept calls from outside")
        return _http_call(export, item, engine, f"https://{host}{text_of(engine, 'relativeUri', '/')}")
    raise NotTakenOver("has no target that is known here: httpTarget, pubsubTarget or appEngineHttpTarget")


def _http_call(export: Export, item: Item, target: Mapping[str, Any], url: str) -> Fields:
    headers = {name: text_of(part(target, "headers"), name) for name in part(target, "headers")}
    kept = {
        name: value
        for name, value in headers.items()
        if not (name.lower() == "user-agent" and value.lower().startswith(_AGENT))
    }
    export.warn_once(item, _HEADERS_LOST)
    content_type = next((value for name, value in kept.items() if name.lower() == "content-type"), None)
    content = decoded(text_of(target, "body", ""), "body")
    payload = payload_of(content, content_type) if content else {}
    if "text" in payload and content_type is None:
        kept["Content-Type"] = "application/octet-stream"
    call = {"target_url": literal(url), "method": text_of(target, "httpMethod", "POST"), "headers": literal(kept)}
    return call | payload | _auth(export, item, target, url)


def _auth(export: Export, item: Item, target: Mapping[str, Any], url: str) -> Fields:
    if oidc := part(target, "oidcToken"):
        _warn_of_identity(export, item, text_of(oidc, "serviceAccountEmail", ""), "gcp_id_token")
        audience = text_of(oidc, "audience", "") or url
        return {"auth": {"gcp_id_token": {"audience": literal(audience)}}}
    if oauth := part(target, "oauthToken"):
        _warn_of_identity(export, item, text_of(oauth, "serviceAccountEmail", ""), "gcp_access_token")
        scopes = text_of(oauth, "scope", "").split()
        return {"auth": {"gcp_access_token": {"scopes": literal(scopes)} if scopes else {}}}
    return {}


def _warn_of_identity(export: Export, item: Item, account: str, field: str) -> None:
    shown = (
        account
        if account == _AGENT_ACCOUNT or re.fullmatch(r"[\w.+-]{1,100}@[\w.-]{1,200}", account)
        else "the account of the job"
    )
    message = (
        f"the token was that of {shown}: run the service as that account, or give its key by "
        f"auth: {{{field}: {{key: ${{secret:NAME}}}}}}"
    )
    export.warn(item, message, "secret")


def _publishing(export: Export, item: Item, topic: Mapping[str, Any]) -> Fields:
    """A call that publishes the message, by the API of Pub/Sub."""
    name = text_of(topic, "topicName")
    if not re.fullmatch(r"projects/[\w:.-]+/topics/[\w.~+%-]+", name):
        raise NotTakenOver("its topicName is not projects/PROJECT/topics/TOPIC")
    message: Fields = {}
    if data := text_of(topic, "data", ""):
        decoded(data, "data")
        message["data"] = "".join(data.split())
    if attributes := part(topic, "attributes"):
        message["attributes"] = literal(dict(attributes))
    export.warn_once(item, "a message is published by the API of Pub/Sub, whose answer is the history's")
    _warn_of_identity(export, item, _AGENT_ACCOUNT, "gcp_access_token")
    return {
        "target_url": f"https://pubsub.googleapis.com/v1/{name}:publish",
        "method": "POST",
        "body": {"messages": [message]},
        "auth": {"gcp_access_token": {"scopes": [_PUBSUB]}},
    }


# --- retries ---


def _retries(export: Export, item: Item) -> Fields:
    """Cloud Scheduler retries until both limits are reached, a job until one of them is."""
    config = part(item.value, "retryConfig")
    count = number_of(config, "retryCount", 0) or 0
    total = _seconds(config, "maxRetryDuration", "0s")
    least, most = _seconds(config, "minBackoffDuration", "5s"), _seconds(config, "maxBackoffDuration", "3600s")
    if not count and not total:
        return {}
    doublings = number_of(config, "maxDoublings", 5) or 0
    needed = _retries_within(total, least, most, doublings)
    retries = min(max(count, needed), MOST_ATTEMPTS - 1)
    if retries > doublings + 1 and least * 2**doublings < most:
        export.warn(item, f"the wait before a retry goes on doubling, also after maxDoublings ({doublings})")
    if needed > count:
        export.warn(item, f"{retries} retries take as long as maxRetryDuration, until which Cloud Scheduler goes on")
    export.warn_once(item, _RETRIES)
    retry: Fields = {"statuses": ["300-999"]}
    if most != 3_600:
        retry["max_delay_sec"] = _whole(min(max(most, 0.001), _DAY))
    return {"max_retries": retries, "retry_backoff_sec": _whole(min(least, _DAY)), "retry": retry}


def _retries_within(total: float, least: float, most: float, doublings: int) -> int:
    """How many retries begin before so many seconds have passed; 0 is no limit, which needs none."""
    count, passed = 0, 0.0
    while total and count < MOST_ATTEMPTS:
        grown = least * 2 ** min(count, doublings)
        wait = min(grown + max(count - doublings, 0) * least * 2**doublings, most)
        passed += max(wait, 0.1)
        if passed > total:
            break
        count += 1
    return count


def _seconds(value: Mapping[str, Any], name: str, default: str) -> float:
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?)s", text_of(value, name, default))
    if found is None:
        raise NotTakenOver(f"its {name} is not a duration such as 180s")
    return float(found[1])


def _whole(seconds: float) -> float:
    return int(seconds) if seconds.is_integer() else seconds
