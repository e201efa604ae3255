"""Lists of jobs as answers: sent in parts, because a long list as one text would be in memory twice."""

from collections.abc import AsyncIterator, Container, Iterator, Mapping, Sequence

import orjson
from fastapi import Request
from fastapi.responses import Response, StreamingResponse

from myscheduler.adapters.store.rows.jobs import chunks
from myscheduler.api.output.conditions import is_known, not_modified, tag_of_parts
from myscheduler.api.output.packing import LEAST, Packer, accepts_gzip

VARY = {"Vary": "Accept-Encoding"}
_COMPACT = (
    "job_id", "name", "owner", "status", "next_run_time", "target_url", "timezone", "schedule_text", "held", "labels",
)  # fmt: skip


def job_list(
    request: Request,
    packer: Packer,
    rows: Sequence[bytes],
    *,
    tail: bytes = b"]}",
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The answer with these rows, each the JSON of a job; `tail` is what follows them. A 304 if the caller has it."""
    tag = tag_of_parts([*rows, tail])
    if is_known(request, tag):
        return not_modified(tag, **VARY)
    length = len(_HEAD) + sum(map(len, rows)) + max(len(rows) - 1, 0) + len(tail)
    own = {"ETag": tag} | VARY | dict(headers or {})
    if length >= LEAST and accepts_gzip(request.headers.get("accept-encoding", "")):
        content = packer.packed(_parts(rows, tail))
        own |= {"Content-Encoding": "gzip"}
    else:
        content = _plain(rows, tail)
        own |= {"Content-Length": str(length)}
    return StreamingResponse(content, media_type="application/json", headers=own)


_HEAD = b'{"jobs":['


def _parts(rows: Sequence[bytes], tail: bytes) -> Iterator[Sequence[bytes]]:
    """The text in parts, each in pieces. The same rows at the same place are the same parts, whatever else changes."""
    yield [_HEAD]
    for number, part in enumerate(chunks(rows)):
        joined = [piece for row in part for piece in (b",", row)]
        yield joined if number else joined[1:]
    yield [tail]


async def _plain(rows: Sequence[bytes], tail: bytes) -> AsyncIterator[bytes]:
    yield _HEAD
    for number, part in enumerate(chunks(rows)):
        yield (b"," if number else b"") + b",".join(part)
    yield tail


def only_fields(rows: Sequence[bytes], names: Sequence[str]) -> list[bytes]:
    """The rows with these fields of the summaries only."""
    summaries = map(orjson.loads, rows)
    return [orjson.dumps({name: summary[name] for name in names}) for summary in summaries]


def compacted(rows: Sequence[bytes], failing: Container[str]) -> list[bytes]:
    """The rows as `CompactJob`; `failing` has the ids of failing jobs."""
    found = []
    for summary in map(orjson.loads, rows):
        last = summary["last_execution"]
        row = {name: summary[name] for name in _COMPACT}
        row |= {"last_status": last["status"] if last else None, "failing": summary["job_id"] in failing}
        found.append(orjson.dumps(row))
    return found
