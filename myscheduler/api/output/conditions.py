"""Conditional requests (RFC 9110, section 13): `If-None-Match` saves sending what the caller has, `If-Match` refuses to
change what the caller has not seen.

The tag of a job is strong and has two parts, `"VERSION.HASH"`: the hash of the whole answer tells whether anything of
it has changed, executions included; the version tells whether the job itself has. `If-Match` compares the version
alone: otherwise, a job that runs every second could not be edited.
"""

import hashlib
import re
import secrets
from collections.abc import Sequence

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from myscheduler.api.errors import InvalidInputError
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.messages.message import said

_TAG = re.compile(r'[ \t]*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*')
_VERSION = re.compile(r"([0-9]{1,19})\.[0-9a-f]+")
_PROCESS = secrets.token_hex(4)
"""Hashes of Python differ in each process, so tags made of them must, too."""


def tag_of_parts(parts: Sequence[bytes]) -> str:
    """A weak tag for an answer made of these parts, in this order; it is valid while the process runs.

    It is made of the hashes of Python, which each `bytes` object keeps: parts that are cached are not read again.
    """
    return f'W/"{_PROCESS}-{hash(tuple(parts)) & (1 << 64) - 1:x}"'


def job_answer(request: Request, version: int, view: object) -> Response:
    """The answer with one job, or a 304 if the caller has it."""
    answer = JSONResponse(view)
    tag = f'"{version}.{hashlib.blake2b(answer.body, digest_size=8).hexdigest()}"'
    if is_known(request, tag):
        return not_modified(tag)
    answer.headers["ETag"] = tag
    return answer


def not_modified(tag: str, **headers: str) -> Response:
    return Response(status_code=304, headers={"ETag": tag} | headers)


def is_known(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` names the tag; tags are compared weakly. A header that is not valid is ignored."""
    written = ",".join(request.headers.getlist("if-none-match"))
    if not written:
        return False
    opaque = tag.removeprefix("W/").strip('"')
    return written.strip() == "*" or any(one == opaque for _, one in _tags(written) or ())


def wanted_versions(request: Request) -> frozenset[int] | None:
    """The versions of a job that `If-Match` allows to be changed; `None` for all of them.

    Weak tags never match. Raises `InvalidInputError` for a header that is not valid; an empty one is not.
    """
    given = request.headers.getlist("if-match")
    written = ",".join(given)
    if not given or written.strip() == "*":
        return None
    tags = _tags(written)
    if not tags:
        message = said("not-an-etag", value=shown(written))
        raise InvalidInputError([Complaint(("If-Match",), "invalid-etag", message)])
    found = (_VERSION.fullmatch(opaque) for weak, opaque in tags if not weak)
    return frozenset(int(match[1]) for match in found if match)


def _tags(written: str) -> list[tuple[str, str]] | None:
    """Each tag as its weakness (`W/` or empty) and its text; `None` if the header is not a list of tags."""
    tags, place = [], 0
    while place < len(written):
        match = _TAG.match(written, place)
        if match is None:
            return None
        tags.append((match[1] or "", match[2]))
        place = match.end()
        if place < len(written):
            if written[place] != ",":
                return None
            place += 1
    return tags
