"""Sentences in Japanese, made from codes and parameters as the API sends them: the proof that these suffice.

The texts are those of the dashboard.
"""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from myscheduler.messages.template import Part, parsed
from tests.support.checkout import ROOT

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d")
_WEEKDAYS = "月火水木金土日"


def in_japanese(coded: Mapping[str, Any], texts: dict[str, str]) -> str:
    """The sentence of a `Coded`. Raises `KeyError` for a code that `texts` has no template of."""
    parts = parsed(texts[coded["code"]])
    return "".join(part.literal + _value(part, coded["params"], texts) for part in parts)


def _value(part: Part, params: dict[str, Any], texts: dict[str, str]) -> str:
    if part.name is None:
        return ""
    value = params[part.name]
    if value is None and part.around is not None:
        return ""
    shown = _shown(value, part.kind, texts)
    return shown if part.around is None else part.around.replace("{}", shown)


def _shown(value: Any, kind: str, texts: dict[str, str]) -> str:
    if isinstance(value, dict):
        return in_japanese(value, texts)
    if isinstance(value, list):
        return ("" if kind == "sentences" else "、").join(_shown(one, "", texts) for one in value)
    if kind.endswith("%"):
        return format(value, kind)
    if kind == "span":
        return _span(value)
    if kind == "weekday":
        return f"{_WEEKDAYS[datetime.fromisoformat(value).weekday()]}曜日"
    if isinstance(value, str) and _TIME.match(value):
        return f"{datetime.fromisoformat(value):%Y/%m/%d %H:%M:%S}"
    return str(value)


def _span(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:g}秒"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return "".join(f"{count}{unit}" for count, unit in ((hours, "時間"), (minutes, "分"), (rest, "秒")) if count)


_LINE = re.compile(r"""^  ("[^"]+": ".*"),$""", re.MULTILINE)


def _texts(name: str) -> dict[str, str]:
    """The texts of a module of the dashboard that are plain: a line each, written as in JSON."""
    source = (ROOT / "myscheduler/web/static" / name).read_text("utf-8")
    return dict(json.loads("{" + ",".join(_LINE.findall(source)) + "}"))


MESSAGES: dict[str, str] = {}
"""The texts of messages, by code."""
for _name in ("messages", "chains", "failures", "fields", "channels", "problems", "refusals", "rules", "source"):
    MESSAGES |= _texts(f"ja-{_name}.js")
WORDS = _texts("ja.js") | _texts("texts/execution.ja.js")
