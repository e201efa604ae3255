"""Sentences with sample parameters, one for each code of the catalogue."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from myscheduler.messages.catalogue import MESSAGES
from myscheduler.messages.message import Message, said
from myscheduler.messages.template import parsed

_MOMENT = datetime(2026, 3, 9, 10, 30, tzinfo=UTC)
_OF_KIND: dict[str, Any] = {
    "": "report",
    "hidden": "report",
    "word": "api.example.com:443",
    "quoted": "it's",
    "ascii": "日報",
    "d": 12,
    ",": 12_345,
    "g": 2.5,
    "span": timedelta(hours=1, minutes=30),
    "time": _MOMENT,
    "iso": _MOMENT,
    "spaced": _MOMENT.replace(tzinfo=None),
    "day": date(2026, 3, 9),
    "weekday": date(2026, 3, 9),
    "list": ["a", "b"],
    "or": ["a", "b"],
    "and": [1, 2],
    "reason": "Network is unreachable",
    "hint": "",
    ".0%": 0.5,
    ".0f": 0.5,
}


def sample(code: str, **given: Any) -> Message:
    """The sentence with this code, and a plausible value for each parameter that is not given."""
    params = {
        part.name: _value(part.kind, code) for part in parsed(MESSAGES[code]) if part.name and part.name not in given
    }
    return said(code, **params, **given)


def _value(kind: str, code: str) -> Any:
    match kind:
        case "said" | "sentence":
            return said("bug") if code != "leads-to" else sample("link-local")
        case "sentences" | "semicolons":
            return [sample("secret-missing", file="/run/secrets/a"), sample("host-unclear")]
        case "odds":
            return [sample("odd-length-and-encoding"), sample("odd-lengths"), sample("odd-status-body")]
        case _ if "%Y" in kind:
            return _MOMENT
        case _:
            return _OF_KIND[kind]
