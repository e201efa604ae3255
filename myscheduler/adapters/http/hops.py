"""One request of an attempt: the first, or one that follows a redirect."""

from dataclasses import dataclass, field, replace

from aiohttp import ClientConnectorError
from yarl import URL

from myscheduler.adapters.http.answer_body import Answer
from myscheduler.adapters.http.message import Destination, Message, message_of, parsed_destination, where_of
from myscheduler.adapters.http.proxies import proxy_of
from myscheduler.adapters.http.trail import Trail
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.redirects import REDIRECTS, RedirectError, redirected
from myscheduler.core.calls.request import Request
from myscheduler.core.statuses import is_among
from myscheduler.messages.message import said

_OF_THE_FIRST = {
    Failure.NO_FILE: Failure.CONNECT,
    Failure.TARGET_NOT_ALLOWED: Failure.HTTP_ERROR,
    Failure.INVALID_REQUEST: Failure.HTTP_ERROR,
    Failure.SECRET_UNUSABLE: Failure.HTTP_ERROR,
}
"""Failures that say that nothing was sent, and what they become once a request was."""


@dataclass(slots=True)
class Hop:
    """A request, and its answer as far as it has arrived."""

    request: Request
    redirects: int = 0
    """How many were followed before."""
    status: int | None = None
    """That of the redirect that led here."""
    ready: Message | None = None
    """Its message, if it is made already."""
    message: Message = field(init=False)
    proxy: URL | None = field(init=False)
    proxied_by: Destination | None = field(init=False)
    """Where the proxy is."""
    answer: Answer = field(init=False)
    trail: Trail = field(init=False)
    head_at: float | None = None
    """When the head of the response had arrived, as `perf_counter` says it."""

    def __post_init__(self) -> None:
        """Raises `ValueError`, as `message_of` does."""
        request = self.request
        self.message = message_of(request) if self.ready is None else self.ready
        self.proxy = proxy_of(request.transport.proxy, self.message.destination.url)
        self.proxied_by = None if self.proxy is None else parsed_destination(str(self.proxy))
        self.answer = Answer(
            request.secrets, request.expect, request.extract, keeps_start=request.transport.keep_response
        )
        self.trail = Trail(request.transport.connect_timeout_sec)

    @property
    def is_followed(self) -> bool:
        """Whether the answer is a redirect that the job wants to have followed."""
        status = self.answer.status
        return (
            status in REDIRECTS
            and self.request.transport.follow_redirects > 0
            and not is_among(self.request.expect.statuses, status)
        )

    def next(self) -> "Hop":
        """The one that follows the redirect. Raises `RedirectError`."""
        status, most = self.answer.status or 0, self.request.transport.follow_redirects
        if self.redirects >= most:
            raise RedirectError(said("redirect-too-many", status=status, most=most))
        locations = self.answer.body.location if self.answer.body is not None else ()
        request = redirected(self.request, status, locations)
        try:
            return Hop(request, self.redirects + 1, status)
        except ValueError:
            raise RedirectError(said("redirect-unreadable", status=status)) from None

    def place_of(self, error: Exception) -> str:
        """The `host:port` to which the connection failed: the target's, or that of the proxy."""
        proxy = self.proxy
        if (
            proxy is not None
            and isinstance(error, ClientConnectorError)
            and (error.host, error.port)
            == (
                proxy.raw_host,
                proxy.port,
            )
        ):
            return where_of(proxy)
        return self.message.destination.where

    def told(self, outcome: Outcome) -> Outcome:
        """The outcome of the attempt, which says where it ended, if this is the last hop."""
        if not self.redirects:
            return outcome
        where, count = self.message.destination.where, self.redirects
        error = said("redirected", count=count, where=where, why=outcome.error) if outcome.error else None
        failure = outcome.failure and _OF_THE_FIRST.get(outcome.failure, outcome.failure)
        status = outcome.http_status or (self.status if failure is Failure.HTTP_ERROR else None)
        return replace(outcome, http_status=status, failure=failure, error=error, is_unreached=False)
