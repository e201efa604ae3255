"""What schemathesis does beside its own checks when it tries the API; it loads this module by `SCHEMATHESIS_HOOKS`.

Its check `positive_data_acceptance` is replaced by one that knows which rules no schema can express.
"""

import os
import re
from itertools import count
from typing import Any, cast

import schemathesis
from schemathesis import Case, CheckContext, HookContext, Response
from schemathesis.checks import CHECKS, CheckFunction

from myscheduler.core.manifest.schema_patterns import TARGET_URL

BEYOND_SCHEMAS = {
    "chain-cycle": "what runs after what is known to the service only",
    "chain-depth": "what runs after what is known to the service only",
    "chain-root": "what runs after what is known to the service only",
    "chain-unknown": "which jobs there are is known to the service only",
    "chain-value": "what a job extracts is known to the service only",
    "conflicting-parameters": "compact and fields exclude each other",
    "invalid-anchor": "a time that no clock shows",
    "invalid-blackout": "a recurring time that never ends, or one that ends before it starts",
    "invalid-calendar": "a country without known holidays, a name that is not in calendars.yaml, days that don't exist",
    "invalid-cron": "the values of a cron expression, and that it ever occurs, are found by computing it",
    "invalid-cursor": "cursors are opaque: only the service makes valid ones",
    "invalid-id": "the id in the body differs from the one in the path",
    "invalid-interval": "the units add up to more than the longest interval",
    "invalid-moment": "a time in the past, before another parameter, or that no clock shows",
    "invalid-run-at": "a time in the past, or that no clock shows",
    "invalid-timezone": "the names of time zones are a list of their own",
    "invalid-window": "a time that no clock shows, or an end before the start",
    "key-used": "whether an Idempotency-Key is used depends on earlier requests",
    "manifests-only": "files of the source and identities of the service are for manifests",
    "missing-field": "a job has target_url or ping, which could not be added as a schema without breaking clients",
    "missing-selection": "a text of white space selects nothing",
    "more-problems": "a body with so many faults that not all of them are listed",
    "never-runs": "that a schedule has no slot left is found by computing it",
    "no-run-found": "that a schedule has no slot left is found by computing it",
    "policy-insecure-tls": "policy.yaml says which hosts may be called without a check of their certificates",
    "schedule": "fields that contradict each other, such as overlap and max_instances: schemathesis generates nothing "
    "from a schema that says so, and clients make nothing of it",
    "secret-not-allowed": "policy.yaml says which secrets jobs of the API may use, and where",
    "target-not-allowed": "policy.yaml says which addresses that are not public jobs of the API may call",
    "unknown-calendar": "the names in calendars.yaml are known to the service only",
    "unknown-channel": "the names in notifications.yaml are known to the service only",
    "unknown-target": "the names in targets.yaml are known to the service only",
}
"""Rules that a request may break although its schema is kept, and why no schema can say them."""
BEYOND_MESSAGES = re.compile(
    r"\bprintable\b"  # schemas don't know these classes of Unicode
    r"|^has more than [0-9]+ values$"  # of all labels of a scope together
    r"|\bis longer than the whole attempt may take\b"  # one limit against another
    r"|\bis not a status\b"  # the end of a range is not before its start
    r"|^is from a second to 366 days\b"  # the length of a duration
    r"|\bruns after no other job: remove from\b|\buses what other jobs hand on\b"  # known to the service only
    r"|^there is no execution\b|^the chain of .+ has no value\b"  # so are executions
)
"""The same of rules that share a name with others."""
BEYOND_PLACES = re.compile(r"(expect|when)\.json\.")
"""What is written there may be any JSON: whether it is an object of operators is no question of its shape."""
UNSAID_PLACES = re.compile(
    r"proxy|base64|auth\.oauth2\.token_url|auth\.basic\.username|tls\.(ca|certificate|key)|multipart\.[0-9]+\.name"
    r"|sign\.standard_webhooks\.[0-9]+|notify(\..+)?"
)
"""Texts of a format that the schema does not describe: PEM, base64, keys, URLs of proxies and of tokens, names without
control characters; and `notify`, which has a reader of its own."""

_URL = re.compile(TARGET_URL["pattern"])
_numbers = count(int(os.environ.get("SCHEMATHESIS_SEED", "0")))


@schemathesis.hook
def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
    """Each request comes from another address, for a service that trusts this one as a proxy: callers are limited.

    Jobs call this machine only: nobody else is to get requests from a test.
    """
    number = next(_numbers)
    case.headers["X-Forwarded-For"] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
    if isinstance(case.body, dict) and isinstance(url := case.body.get("target_url"), str) and _URL.match(url):
        case.body = case.body | {"target_url": "http://127.0.0.1:9/日本"}


def _is_beyond(error: dict[str, str]) -> bool:
    return (
        error["rule"] in BEYOND_SCHEMAS
        or bool(BEYOND_MESSAGES.search(error["message"]))
        or bool(BEYOND_PLACES.match(error["field"]))
        or bool(UNSAID_PLACES.fullmatch(error["field"]))
    )


@schemathesis.check
def acceptance_within_rules(context: CheckContext, response: Response, case: Case[Any]) -> bool | None:
    """Valid data is accepted, unless it breaks rules that no schema can express."""
    if response.status_code == 422:
        errors = response.json().get("errors", [])
        if errors and all(map(_is_beyond, errors)):
            return None
    check = cast("CheckFunction", CHECKS.get_one("positive_data_acceptance"))
    return check(context, response, case)
