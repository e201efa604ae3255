"""The methods of HTTP, and whether a text is one (RFC 9110, 9.1)."""

import re

from myscheduler.core.findings.problem import did_you_mean, shown
from myscheduler.core.job.spec import METHODS
from myscheduler.messages.message import said

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,50}")
_OTHERS = frozenset({
    "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "COPY", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY",
    "MKCALENDAR", "MKCOL", "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "ORDERPATCH", "PROPFIND", "PROPPATCH", "PURGE",
    "QUERY", "REBIND", "REPORT", "SEARCH", "TRACE", "UNBIND", "UNCHECKOUT", "UNLINK", "UNLOCK", "UPDATE",
    "UPDATEREDIRECTREF", "VERSION-CONTROL",
})  # fmt: skip
"""Those of IANA's registry beside the usual ones, and PURGE of caches."""


def method_fault(text: str) -> str | None:
    """What is wrong with a method, or `None`. A method that nobody has registered is fine, unless it looks like a typo.

    CONNECT is refused: it asks a proxy for a tunnel.
    """
    method = text.upper()
    if text.isascii() and (method in METHODS or method in _OTHERS):
        return None
    hint = did_you_mean(text, METHODS)
    if _TOKEN.fullmatch(text) and not hint and method != "CONNECT":
        return None
    return said("method-unknown", value=shown(text), known=", ".join(METHODS), hint=hint)
