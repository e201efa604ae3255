"""The OpenAPI document as the API serves it, and the copies of it that are kept."""

import json
from functools import cache
from typing import Any

from fastapi import FastAPI

from myscheduler.api.openapi.document import document
from tests.support.checkout import ROOT

KEPT = ROOT / "docs/openapi.json"
"""The document of this tree."""
RELEASED = ROOT / "tests/api/openapi/released.json"
"""The document of the last release, or the first one that was accepted. Only a release writes it."""


def text_of(app: FastAPI) -> str:
    """The document as it is kept."""
    return json.dumps(document(app), ensure_ascii=False, indent=2, sort_keys=True) + "\n"


@cache
def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(KEPT.read_text("utf-8"))
    return found
