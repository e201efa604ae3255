"""SQL of the outlines: a cache of which jobs each file of the source declares, so that a start need not parse unchanged
files.

A row is never stale: it is found by the digest of the file's bytes and by the `reader` (parser) that parsed them.

The last valid texts of policy.yaml, access.yaml, notifications.yaml and vars.yaml are kept here, too, for a time when a
file can't be used.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from myscheduler.adapters.store.rows.jobs import CHUNK, chunks, id_lists
from myscheduler.adapters.store.tables import outlines
from myscheduler.core.chains.links import links_from_json, links_to_json
from myscheduler.core.manifest.declared import DeclaredJob, ParsedFile
from myscheduler.core.source.snapshot import ACCESS, NOTIFICATIONS, POLICY, TARGETS, VARS

_READERS = {POLICY: "policy", ACCESS: "access", NOTIFICATIONS: "notifications", VARS: "vars", TARGETS: "targets"}
"""The `reader` of the row that holds the text of each of these reserved files."""
Key = tuple[str, str]
"""A file's path and the digest of its bytes."""


def load(connection: sa.Connection, reader: str) -> dict[Key, ParsedFile]:
    """The outlines of all files as this `reader` parsed them."""
    rows = connection.execute(sa.select(outlines).where(outlines.c.reader == reader))
    return {
        (row.path, row.digest): _file(row.path, json.loads(row.outline))
        for some in rows.partitions(CHUNK)
        for row in some
    }


def save(connection: sa.Connection, reader: str, files: Mapping[Key, ParsedFile], gone: Collection[str]) -> None:
    """Write the outlines of `files`, and delete those at the paths in `gone`."""
    paths = [*gone, *(path for path, _ in files)]
    for ids in id_lists(paths):
        connection.execute(sa.delete(outlines).where(outlines.c.path.in_(ids)))
    for some in chunks(list(files.items())):
        rows = [
            {"path": path, "digest": digest, "reader": reader, "outline": _text(file)} for (path, digest), file in some
        ]
        connection.execute(sa.insert(outlines), rows)


def load_reserved(connection: sa.Connection, path: str) -> bytes | None:
    """The last valid text of a reserved file; empty if the source had none, `None` if none was saved yet."""
    query = sa.select(outlines.c.outline).where(outlines.c.path == path, outlines.c.reader == _READERS[path])
    text = connection.execute(query).scalar_one_or_none()
    return None if text is None else str(text).encode()


def save_reserved(connection: sa.Connection, path: str, content: bytes) -> None:
    """Write the text of a reserved file that is valid."""
    connection.execute(sa.delete(outlines).where(outlines.c.path == path))
    row = {"path": path, "digest": "", "reader": _READERS[path], "outline": content.decode()}
    connection.execute(sa.insert(outlines), row)


def _text(file: ParsedFile) -> str:
    jobs = [_job_values(job) for job in file.jobs]
    return json.dumps([jobs, file.skipped], ensure_ascii=False, separators=(",", ":"))


def _job_values(job: DeclaredJob) -> list[Any]:
    values = [job.job_id, job.digest, job.line, job.adopts]
    return values if job.links is None else [*values, links_to_json(job.links)]


def _file(path: str, outline: tuple[list[list[Any]], int]) -> ParsedFile:
    jobs, skipped = outline
    return ParsedFile(path, jobs=tuple(_job(path, *values) for values in jobs), skipped=skipped)


def _job(
    path: str, job_id: str, digest: str, line: int, adopts: bool, links: Mapping[str, Any] | None = None
) -> DeclaredJob:
    found = None if links is None else links_from_json(links)
    return DeclaredJob(job_id, digest, path, line, None, adopts=adopts, links=found)
