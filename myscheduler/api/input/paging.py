"""Pages of lists: opaque cursors, and the link to the next page (RFC 8288)."""

import base64
import binascii
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Request

from myscheduler.api.errors import InvalidInputError
from myscheduler.api.prefix import root_of
from myscheduler.core.findings.problem import Complaint
from myscheduler.messages.message import said

CURSOR = "cursor"
_VERSION = b"\x01"
_BYTES = 17


def cursor_of(execution_id: str) -> str:
    """The cursor of the page that begins after this id."""
    return base64.urlsafe_b64encode(_VERSION + UUID(execution_id).bytes).rstrip(b"=").decode()


def read_cursor(text: str | None) -> str | None:
    """The id that a cursor stands for. Raises `InvalidInputError`."""
    if text is None:
        return None
    try:
        content = base64.b64decode(text.encode("ascii") + b"=", altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        content = b""
    if len(content) != _BYTES or content[:1] != _VERSION:
        message = said("not-a-cursor-of-the-history")
        raise InvalidInputError([Complaint((CURSOR,), "invalid-cursor", message)])
    return str(UUID(bytes=content[1:]))


def next_link(request: Request, cursor: str | None) -> dict[str, str]:
    """The header that names the next page: this request with another cursor; none for the last page."""
    if cursor is None:
        return {}
    kept = [(name, value) for name, value in request.query_params.multi_items() if name != CURSOR]
    return {"Link": f'<{root_of(request)}{request.url.path}?{urlencode([*kept, (CURSOR, cursor)])}>; rel="next"'}
