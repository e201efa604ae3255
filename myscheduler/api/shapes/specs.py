"""The JSON shapes of whole specs. `core/gitops/inventory.py` makes and reads them."""

from typing import Any

from typing_extensions import TypedDict  # pydantic requires this one before Python 3.12

from myscheduler.api.shapes.common import PauseView, SourceView


class SpecItem(TypedDict):
    job_id: str
    owner: str
    """`manifest` or `api`."""
    created_at: str
    source: SourceView | None
    pause: PauseView | None
    spec: dict[str, Any]
    """The fields of a manifest."""


class SpecList(TypedDict):
    timezone: str
    """The service's IANA zone."""
    jobs: list[SpecItem]
    """Sorted by id."""
