"""Exports a job of the API as a manifest that takes it over (`adopt: true`)."""

from collections.abc import Iterator

from myscheduler.core.gitops.inventory import Item
from myscheduler.core.job.spec import DeclaredInterval
from myscheduler.core.manifest.writing import document, fault_of, manifest_fields
from myscheduler.errors import MySchedulerError


class NotExportedError(MySchedulerError):
    """No manifest can express the job."""


def exported(item: Item, *, zone: str) -> str:
    """The text of the manifest. Its spec has the digest of the job, so that taking it over changes nothing.

    `zone` is the service's. Raises `NotExportedError` if no manifest can express the job.
    """
    try:
        text = document(manifest_fields(item.spec) | {"adopt": True}, _comments(item))
    except RecursionError:
        raise NotExportedError("body: is nested too deeply for a manifest") from None
    if fault := fault_of(text, item.spec, zone=zone):
        raise NotExportedError(fault)
    return text


def _comments(item: Item) -> Iterator[str]:
    yield f"Created through the API on {item.created_at:%Y-%m-%d}. `adopt: true` takes the job over, with its history."
    if isinstance(item.spec.schedule, DeclaredInterval) and item.spec.schedule.anchor is None:
        yield "Its interval is still counted from its creation."
    if item.pause is not None:
        yield f"It was paused by {item.pause.by} when this was written; the pause stays with the job."
