"""The values of single fields of a channel. Each function parses one, and raises `FieldError` if it is wrong.

What grants access has to be a reference: a message never repeats what was written in its place.
"""

import re
from collections.abc import Mapping
from datetime import time
from email.utils import parseaddr
from typing import Any, Literal
from urllib.parse import urlsplit

from myscheduler.core.bounds import LONGEST_RULED, LONGEST_URL
from myscheduler.core.calls.hosts import called_host
from myscheduler.core.findings.masking import REFERENCE, masked_text
from myscheduler.core.findings.problem import did_you_mean, shown
from myscheduler.core.notifications.channels import Language
from myscheduler.core.notifications.quiet_hours import DAYS, QuietHours, never_ends
from myscheduler.core.schedule.zones import check_zone
from myscheduler.core.secrets.references import MARK, reference_faults
from myscheduler.core.source.entries import FieldError, unknown_key
from myscheduler.errors import ScheduleError
from myscheduler.messages.message import said

SECURITY: tuple[Literal["starttls", "tls", "none"], ...] = ("starttls", "tls", "none")
MOST_RECIPIENTS = 50
LONGEST_ADDRESS = 320
MOST_KEYS = 2
"""Keys of one webhook: the one in use, and the next."""
MOST_QUIET = 10
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)", re.ASCII)
_SOME_HOST = "x.example"
QUIET_KEYS = ("from", "to", "days", "timezone")


def secret_url(written: Any) -> str:
    """The URL of a service where whoever knows it may post: it holds a reference, or is one as a whole."""
    text = _referring(written, "${secret:ops-webhook}", LONGEST_URL)
    if REFERENCE.search(text) is None:
        raise FieldError(said("url-is-a-secret"))
    if REFERENCE.fullmatch(text) is None:
        _check_url(text)
    return text


def plain_url(written: Any) -> str:
    """A URL that may be written out, as long as it holds no credential."""
    text = _referring(written, "https://hooks.example.com/myscheduler", LONGEST_URL)
    if masked_text(text) != text:
        raise FieldError(said("credential-in-channel"))
    if REFERENCE.fullmatch(text) is None:
        _check_url(text)
    return text


def secret(written: Any) -> str:
    """A reference, and nothing else."""
    text = _referring(written, "${secret:ops-password}", LONGEST_RULED)
    if REFERENCE.fullmatch(text) is None:
        raise FieldError(said("needs-reference"))
    return text


def signing_keys(written: Any) -> tuple[str, ...]:
    """One reference, or a list of two while one key replaces the other."""
    if not isinstance(written, list):
        return (secret(written),)
    if not 0 < len(written) <= MOST_KEYS:
        raise FieldError(said("needs-texts", most=MOST_KEYS, example="${secret:hook-key}"))
    return tuple(_at(place, secret, one) for place, one in enumerate(written))


def apprise_url(written: Any) -> str:
    """Such a URL nearly always holds a credential, in a form of its own."""
    text = _referring(written, "${secret:ntfy}", LONGEST_URL)
    if REFERENCE.search(text) is None:
        raise FieldError(said("url-is-a-secret"))
    return text


def user(written: Any) -> str:
    return _referring(written, "myscheduler", LONGEST_RULED)


def host(written: Any) -> str:
    text = _text(written, "smtp.example.com", LONGEST_RULED)
    found = called_host(f"http://[{text}]/" if ":" in text else f"http://{text}/")
    if found is None or "/" in text or "@" in text:
        raise FieldError(said("not-a-mail-host", value=shown(text)))
    return text


def port(written: Any) -> int:
    if isinstance(written, bool) or not isinstance(written, int) or not 1 <= written <= 65_535:
        raise FieldError(said("needs-whole-number", least=1, most=65_535))
    return written


def security(written: Any) -> Literal["starttls", "tls", "none"]:
    return next(one for one in SECURITY if one == _one_of(written, SECURITY))


def language(written: Any) -> Language:
    return Language(_one_of(written, tuple(map(str, Language))))


def address(written: Any) -> str:
    """One address of e-mail, with or without the name of whom it belongs to."""
    text = _text(written, "ops@example.com", LONGEST_ADDRESS)
    name, found = parseaddr(text)
    local, _, domain = found.rpartition("@")
    is_plain = found.isascii() and not re.search(r"[\s,;<>()\[\]\\]", found)
    if not local or not domain or not is_plain or not text.isprintable() or len(found) + len(name) < len(text) - 8:
        raise FieldError(said("not-an-address", value=shown(text)))
    return text


def addresses(written: Any) -> tuple[str, ...]:
    listed = written if isinstance(written, list) else [written]
    if not 0 < len(listed) <= MOST_RECIPIENTS:
        raise FieldError(said("needs-texts", most=MOST_RECIPIENTS, example="ops@example.com"))
    if listed is not written:
        return (address(written),)
    return tuple(_at(place, address, one) for place, one in enumerate(listed))


def quiet_hours(written: Any) -> tuple[QuietHours, ...]:
    """One span, or a list of several."""
    if not isinstance(written, list):
        quiet: tuple[QuietHours, ...] = (_quiet(written),)
    elif not 0 < len(written) <= MOST_QUIET:
        raise FieldError(said("quiet-forms"))
    else:
        quiet = tuple(_at(place, _quiet, one) for place, one in enumerate(written))
    if never_ends(quiet):
        raise FieldError(said("quiet-never-ends"))
    return quiet


def _quiet(written: Any) -> QuietHours:
    if not isinstance(written, dict) or not {"from", "to"} <= written.keys():
        raise FieldError(said("quiet-forms"))
    for name in written:
        if name not in QUIET_KEYS:
            raise FieldError(unknown_key(str(name), QUIET_KEYS), str(name))
    zone = _at("timezone", _zone, written["timezone"]) if "timezone" in written else None
    days = _at("days", _days, written["days"]) if "days" in written else frozenset(range(7))
    return QuietHours(_at("from", _time, written["from"]), _at("to", _time, written["to"]), days, zone)


def _time(written: Any) -> time:
    found = _TIME.fullmatch(written) if isinstance(written, str) else None
    if found is None:
        raise FieldError(said("not-a-time-of-day", value=shown(written)))
    return time(int(found[1]), int(found[2]))


def _days(written: Any) -> frozenset[int]:
    if not isinstance(written, list) or not written:
        raise FieldError(said("needs-filled-list", example="sat"))
    return frozenset(DAYS.index(_at(place, _day, one)) for place, one in enumerate(written[:8]))


def _day(written: Any) -> str:
    return _one_of(written, DAYS)


def _zone(written: Any) -> str:
    text = _text(written, "Asia/Tokyo", LONGEST_RULED)
    try:
        check_zone(text)
    except ScheduleError as error:
        raise FieldError(str(error)) from error
    return text


def _check_url(text: str) -> None:
    """The URL without its references has a host that can be called."""
    found = called_host(REFERENCE.sub(_SOME_HOST, text) if MARK in text else text)
    if found is None or urlsplit(text).scheme not in {"http", "https"}:
        raise FieldError(said("not-a-channel-url"))


def _referring(written: Any, example: str, most: int) -> str:
    text = _text(written, example, most, is_shown=False)
    for fault in reference_faults({"body": text}):
        raise FieldError(fault.message)
    return text


def _one_of(written: Any, known: tuple[str, ...]) -> str:
    if not isinstance(written, str) or written not in known:
        near = did_you_mean(written, known) if isinstance(written, str) else ""
        raise FieldError(said("not-one-of-these", value=shown(written), known=", ".join(known), hint=near))
    return written


def _text(written: Any, example: str, most: int, *, is_shown: bool = True) -> str:
    if not isinstance(written, str) or not written.strip():
        raise FieldError(said("needs-text-in-quotes", example=example))
    if len(written) > most:
        raise FieldError(said("value-longer", value=shown(written) if is_shown else said("some-text"), most=most))
    if not written.isprintable() or written != written.strip():
        raise FieldError(said("needs-plain-text"))
    return written


def _at(part: str | int, parse: Any, written: Any) -> Any:
    """What `parse` returns; its error gets the place of the part."""
    try:
        return parse(written)
    except FieldError as error:
        raise FieldError(str(error), part, *error.loc) from error


EXAMPLES: Mapping[str, str] = {
    "kind": "slack",
    "url": "${secret:ops-webhook}",
    "secret": "${secret:hook-key}",
    "host": "smtp.example.com",
    "from": "MyScheduler <myscheduler@example.com>",
    "to": "[ops@example.com]",
    "routing_key": "${secret:pagerduty}",
    "channels": "[ops]",
    "match": "{labels: {team: billing}}",
}
"""What to write for each field that an entry needs."""
