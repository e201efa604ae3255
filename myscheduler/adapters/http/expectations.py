"""Whether the body of an answer has what the job expects of it."""

import json
from typing import Any

import orjson

from myscheduler.core.calls.matching import MISSING, SHOWN, in_signs, unmet
from myscheduler.core.job.expect import Expect
from myscheduler.core.secrets.redaction import Secret, redact_start
from myscheduler.messages.message import said

CHECKED_BYTES = 1024 * 1024
"""The most bytes of a body that are checked, unpacked; a longer one can't meet expectations of its JSON."""

_WHOLE = '""'
"""The JSON Pointer of the whole answer, which can't be seen otherwise."""


def lack_of_body(expect: Expect, text: str, secrets: tuple[Secret, ...], *, is_whole: bool) -> str | None:
    """What the body lacks, or `None`; `text` is its beginning if it is not `is_whole`."""
    if expect.json and not is_whole:
        return said("expect-cut", most=CHECKED_BYTES)
    if expect.json and (lack := _lack_of_json(expect, text, secrets)):
        return lack
    missing = next((one for one in expect.body_contains if one not in text), None)
    if missing is None:
        return None
    if not is_whole:
        return said("expect-cut", most=CHECKED_BYTES)
    return said("expect-no-text", text=json.dumps(missing, ensure_ascii=False))


def _lack_of_json(expect: Expect, text: str, secrets: tuple[Secret, ...]) -> str | None:
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return said("expect-not-json", pointer=expect.json[0].pointer or _WHOLE)
    found = unmet(document, expect.json)
    if found is None:
        return None
    pointer, value, matcher = found
    if value is MISSING:
        return said("expect-missing", pointer=pointer, wanted=in_signs(matcher))
    shown = _shown(value, secrets)
    return said("expect-json", pointer=pointer or _WHOLE, found=shown, wanted=in_signs(matcher))


def _shown(value: Any, secrets: tuple[Secret, ...]) -> str:
    """The value as JSON, without secrets and without the end of a long one."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:  # it is nested more deeply than can be written, though it was read
        return "[…]" if isinstance(value, list) else "{…}"
    shown = redact_start(text, secrets, SHOWN, whole=True)
    return shown if len(text) <= SHOWN else f"{shown}…"
