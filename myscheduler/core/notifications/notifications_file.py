"""Reads `notifications.yaml`: the channels and routes that a team declares at the root of its manifests.

A file with any mistake gives nothing, so that a typo can't silence anybody. What applies instead is decided by the
caller.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import Any

from myscheduler.core.access.scope import EVERYTHING, Scope, parse_scope
from myscheduler.core.bounds import LONGEST_RULED
from myscheduler.core.findings.masking import field_of
from myscheduler.core.findings.problem import Loc, Problem, Severity, did_you_mean, enough, shown
from myscheduler.core.job.notify import USUAL, Notify
from myscheduler.core.notifications import channel_values as values
from myscheduler.core.notifications.channels import (
    PAGERDUTY_URL,
    Apprise,
    Channel,
    Email,
    Language,
    LineWorks,
    PagerDuty,
    Service,
    Slack,
    Teams,
    Webhook,
)
from myscheduler.core.notifications.overrides import KEYS, overrides_of, unknown_channels
from myscheduler.core.secrets.references import UsedSecret, places_in
from myscheduler.core.source.entries import Entries
from myscheduler.core.source.reserved import ReservedDocument, read_reserved
from myscheduler.core.source.snapshot import NOTIFICATIONS, SourceFile, UnreadableFile
from myscheduler.messages.message import said

RULE = "invalid-notifications"
MOST_CHANNELS = 200
MOST_ROUTES = 500
ROOT_KEYS = ("channels", "routes", "default")
COMMON_KEYS = ("kind", "language", "quiet")
ROUTE_KEYS = ("match", *KEYS)


@dataclass(frozen=True, slots=True)
class Route:
    """Where the incidents of some jobs go."""

    scope: Scope
    notify: Notify


@dataclass(frozen=True, slots=True)
class Notifications:
    """What the file of a source declares, and the problems with it. With an error, it declares nothing."""

    channels: Mapping[str, Channel] = field(default_factory=dict)
    """By name."""
    routes: tuple[Route, ...] = ()
    """The first that covers a job counts."""
    default: Notify = USUAL
    """What counts for jobs that no route covers; its channels are never `None` in a valid file."""
    problems: tuple[Problem, ...] = ()
    digest: str = ""
    """Hash of the file's bytes; empty if there is no file."""
    secrets: tuple[UsedSecret, ...] = ()
    """The references of the channels."""
    content: bytes = field(default=b"", repr=False)

    @property
    def has_errors(self) -> bool:
        return any(one.severity is Severity.ERROR for one in self.problems)

    @property
    def names(self) -> frozenset[str] | None:
        """The names that jobs may use; `None` if it is not known, because the file has errors and there is no other."""
        return None if self.has_errors and not self.channels else frozenset(self.channels)


NO_NOTIFICATIONS = Notifications()


def names_digest(names: frozenset[str] | None) -> str:
    """A hash of the names that jobs may use; empty if there are none, and a word of its own if they are not known."""
    if names is None:
        return "unknown"
    return sha256("\0".join(sorted(names)).encode()).hexdigest() if names else ""


def read_notifications(file: SourceFile | UnreadableFile | None) -> Notifications:
    """Read the file; never raises for its content."""
    match file:
        case None:
            return NO_NOTIFICATIONS
        case UnreadableFile(path, reason):
            message = said("notifications-unreadable", why=reason)
            return Notifications(problems=(Problem(path, 1, 1, "", "unreadable", message),), digest="unreadable")
        case SourceFile(path, content, digest):
            found = _read(path, content)
            problems = tuple(sorted(enough([*found.problems])))
            if any(one.severity is Severity.ERROR for one in problems):
                return Notifications(problems=problems, digest=digest, content=content)
            return replace(found, problems=problems, digest=digest, content=content)


def _read(path: str, content: bytes) -> Notifications:
    found = read_reserved(path, content, rule=RULE, several=said("remove-what-follows"))
    if isinstance(found, Problem):
        return Notifications(problems=(found,))
    if found is None:
        return Notifications(problems=(Problem(path, 1, 1, "", RULE, said("notifications-empty")),))
    return _Reading(found).read()


class _Reading:
    """Reads one document."""

    def __init__(self, file: ReservedDocument) -> None:
        self._file = file
        self._entries = Entries(file, RULE, values.EXAMPLES)

    def read(self) -> Notifications:
        whole = self._file.document.value
        if not isinstance(whole, dict):
            self._file.add((), "not-a-mapping", said("notifications-not-a-mapping"))
            return Notifications(problems=tuple(self._file.problems))
        if "job_id" in whole:
            message = said("notifications-belongs-elsewhere", file=NOTIFICATIONS)
            self._entries.complain(("job_id",), message, at_key=True)
            return Notifications(problems=tuple(self._file.problems))
        self._entries.refuse_unknown(whole, (), ROOT_KEYS)
        written = self._entries.members(whole, "channels", MOST_CHANNELS)
        channels = {name: self._channel(name, one, loc) for name, one, loc in written}
        listed = self._entries.items(whole, (), "routes", MOST_ROUTES)
        routes = tuple(self._route(one, loc, channels) for one, loc in listed)
        default = self._default(whole, channels)
        found = {name: one for name, one in channels.items() if one is not None}
        return Notifications(found, routes, default, tuple(self._file.problems), secrets=tuple(self._secrets()))

    def _secrets(self) -> Iterator[UsedSecret]:
        document = self._file.document
        for loc, name in places_in(document.value.get("channels"), ("channels",)):
            yield UsedSecret(name, field_of(loc), *document.position(loc))

    def _channel(self, name: str, written: Any, loc: Loc) -> Channel | None:
        if not name.isprintable() or name != name.strip() or not 0 < len(name) <= LONGEST_RULED:
            self._entries.complain(loc, said("channel-name", most=LONGEST_RULED), at_key=True)
        kind = written.get("kind") if isinstance(written, dict) else None
        form = FORMS.get(kind) if isinstance(kind, str) else None
        if form is None:
            self._complain_of_kind(written, loc)
            return None
        fields = self._entries.mapping(written, loc, (*COMMON_KEYS, *form.parsers), form.needed)
        take = partial(self._entries.take, fields, loc)
        given = {key: take(key, parse, None) for key, parse in form.parsers.items()}
        quiet, language = take("quiet", values.quiet_hours, ()), take("language", values.language, Language.ENGLISH)
        if any(given[key] is None for key in form.needed):
            return None
        for key, message in form.faults(given):
            self._entries.complain((*loc, key), message)
        return Channel(name, form.make({key: one for key, one in given.items() if one is not None}), language, quiet)

    def _complain_of_kind(self, written: Any, loc: Loc) -> None:
        known = ", ".join(FORMS)
        if not isinstance(written, dict) or "kind" not in written:
            self._entries.complain(loc, said("channel-without-kind", known=known))
            return
        kind = written["kind"]
        near = did_you_mean(kind, FORMS) if isinstance(kind, str) else ""
        message = said("not-one-of-these", value=shown(kind), known=known, hint=near)
        self._entries.complain((*loc, "kind"), message)

    def _route(self, written: Any, loc: Loc, known: Mapping[str, Channel | None]) -> Route:
        fields = self._entries.mapping(written, loc, ROUTE_KEYS, ("match", "channels"))
        scope: Scope = self._entries.take(fields, loc, "match", parse_scope, EVERYTHING)
        if "match" in fields and not fields["match"]:
            self._entries.complain((*loc, "match"), said("route-of-all"))
        return Route(scope, self._overrides(fields, loc, known))

    def _default(self, whole: Mapping[str, Any], known: Mapping[str, Channel | None]) -> Notify:
        if "default" not in whole:
            self._entries.complain((), said("default-route-missing"))
            return USUAL
        fields = self._entries.mapping(whole["default"], ("default",), KEYS, ("channels",))
        return self._overrides(fields, ("default",), known)

    def _overrides(self, fields: Mapping[str, Any], loc: Loc, known: Mapping[str, Channel | None]) -> Notify:
        notify, faults = overrides_of(fields)
        for place, message in [*faults, *unknown_channels(notify, known)]:
            self._entries.complain((*loc, *place), message)
        return notify


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of one kind of channel."""

    make: Callable[[Mapping[str, Any]], Service]
    parsers: Mapping[str, Callable[[Any], Any]]
    needed: tuple[str, ...]
    faults: Callable[[Mapping[str, Any]], list[tuple[str, str]]] = lambda _: []
    """What is wrong with the values together: the field and the message of each fault."""


def _email(given: Mapping[str, Any]) -> Email:
    names = {"from": "sender", "to": "recipients"}
    return Email(**{names.get(name, name): value for name, value in given.items()})


def _email_faults(given: Mapping[str, Any]) -> list[tuple[str, str]]:
    if (given["username"] is None) is not (given["password"] is None):
        return [("password" if given["password"] is not None else "username", said("user-and-password"))]
    if given["security"] == "none" and given["password"] is not None:
        return [("security", said("password-in-clear"))]
    return []


FORMS: Mapping[str, Form] = {
    "slack": Form(lambda given: Slack(**given), {"url": values.secret_url}, ("url",)),
    "webhook": Form(
        lambda given: Webhook(given["url"], given["secret"]),
        {"url": values.plain_url, "secret": values.signing_keys},
        ("url", "secret"),
    ),
    "email": Form(
        _email,
        {
            "host": values.host,
            "port": values.port,
            "security": values.security,
            "username": values.user,
            "password": values.secret,
            "from": values.address,
            "to": values.addresses,
        },
        ("host", "from", "to"),
        _email_faults,
    ),
    "teams": Form(lambda given: Teams(**given), {"url": values.secret_url}, ("url",)),
    "lineworks": Form(lambda given: LineWorks(**given), {"url": values.secret_url}, ("url",)),
    "pagerduty": Form(
        lambda given: PagerDuty(given["routing_key"], given.get("url", PAGERDUTY_URL)),
        {"routing_key": values.secret, "url": values.plain_url},
        ("routing_key",),
    ),
    "apprise": Form(lambda given: Apprise(**given), {"url": values.apprise_url}, ("url",)),
}
"""By kind."""
