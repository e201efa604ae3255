"""The values of an answer that a job hands on to the jobs that run after it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import orjson

from myscheduler.core.calls.matching import MISSING, value_at
from myscheduler.core.secrets.redaction import REDACTED, Secret, redact

MOST_BYTES = 4096
"""The most bytes of all values of an answer together, as JSON."""


def extracted(text: str, extract: Sequence[tuple[str, str]], secrets: tuple[Secret, ...]) -> Mapping[str, Any]:
    """The values at these places of the answer, by name, without secrets.

    One that is not there is left out, and so is one that does not fit into `MOST_BYTES` after those before it, or that
    is nested too deeply to be written (254 levels).
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    values: dict[str, Any] = {}
    left = MOST_BYTES
    for name, pointer in extract:
        value = value_at(document, pointer)
        if value is MISSING or not _can_be_written(value):
            continue
        clean = _without_secrets(value, secrets) if secrets else value
        size = len(orjson.dumps({name: clean}))
        if size <= left:
            values[name] = clean
            left -= size
    return values


def _can_be_written(value: Any) -> bool:
    """Whether it is nested no more deeply than what can be written: more can be read."""
    try:
        orjson.dumps({"": value})
    except orjson.JSONEncodeError:
        return False
    return True


def _without_secrets(value: Any, secrets: tuple[Secret, ...]) -> Any:
    match value:
        case str():
            return redact(value, secrets)
        case dict():
            return {redact(key, secrets): _without_secrets(one, secrets) for key, one in value.items()}
        case list():
            return [_without_secrets(one, secrets) for one in value]
        case bool() | None:
            return value
        case float() if abs(value) in _numbers(secrets):
            return REDACTED  # digits that it can't hold are lost, so its text may not be that of the secret
        case _:
            text = str(value)
            clean = redact(text, secrets)
            return value if clean == text else clean


def _numbers(secrets: tuple[Secret, ...]) -> Iterator[float]:
    """The secrets that are numbers."""
    for secret in secrets:
        with suppress(ValueError):
            yield abs(float(secret.value))
