"""The JSON shape of errors (RFC 9457). `api/errors.py` makes them."""

from typing import NotRequired

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.messages.message import Coded


class Fault(TypedDict):
    """One mistake of an input."""

    field: str
    """The way to the field, such as `headers.X-Tag`; empty for the input as a whole."""
    rule: str
    """The rule that is broken, for programs."""
    message: str
    """What is wrong, and what to do."""
    message_coded: Coded


class Problem(TypedDict):
    """An error, as RFC 9457 describes it."""

    type: str
    """A URN that stays the same: `urn:myscheduler:problem:not-found`."""
    title: str
    status: int
    detail: str
    """What is wrong, and what to do."""
    detail_coded: Coded
    request_id: NotRequired[str]
    """The same as in the header `X-Request-Id`, and in the log."""
    errors: NotRequired[list[Fault]]
    """The single mistakes of an input; up to 100."""
