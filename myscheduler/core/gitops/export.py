"""A job of the API as the manifest that takes it over."""

from collections.abc import Iterator

from myscheduler.core.gitops.inventory import Item
from myscheduler.core.job.spec import DeclaredInterval
from myscheduler.core.manifest.writing import document, fault_of, manifest_fields
from myscheduler.errors import MySchedulerError


class NotExportedError(MySchedulerError):
    """No manifest can say what the job is."""


def exported(item: Item, *, zone: str) -> str:
    """The manifest: its spec has the job's digest, so that taking it over changes nothing; `zone` is the service's.

    Raises `NotExportedError`.
    """
    try:
        text = document(manifest_fields(item.spec) | {"adopt": True}, _comments(item))
    except RecursionError:
        raise NotExportedError("body: is nested too deeply for a manifest") from None
    if fault := fault_of(text, item.spec, zone=zone):
        raise NotExportedError(fault)
    return text


def _comments(item: Item) -> Iterator[str]:
    yield f"Made through the API on {item.created_at:%Y-%m-%d}. `adopt: true` takes the job over, with its history."
    if isinstance(item.spec.schedule, DeclaredInterval) and item.spec.schedule.anchor is None:
        yield "Its interval goes on counting from when it was made."
    if item.pause is not None:
        yield f"It was paused by {item.pause.by} when this was written; the pause stays with the job."
