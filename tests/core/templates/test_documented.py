"""The examples of docs/manifests.md yield what the page says, and every filter and directive is on it."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from myscheduler.core.manifest.declaration import declare
from myscheduler.core.templates.context import Context
from myscheduler.core.templates.filters import FILTERS
from myscheduler.core.templates.moments import DIRECTIVES
from myscheduler.core.templates.rendering import rendered
from myscheduler.core.templates.variables import Variables
from tests.support.checkout import ROOT

PAGES = [ROOT / "docs/manifests.md", ROOT / "docs/ja/manifests.md"]
LINE = re.compile(r"^(\{\{ .* \}\}) {2,}(\S.*)$", re.MULTILINE)
SLOT = datetime(2026, 2, 28, 22, 30, tzinfo=UTC)
ID = "01900000-0000-7000-8000-000000000000"


@pytest.mark.parametrize("page", PAGES, ids=["English", "Japanese"])
def test_examples_yield_what_the_page_says(page: Path) -> None:
    examples = LINE.findall(page.read_text("utf-8"))
    assert len(examples) > 20
    job = {
        "job_id": "daily-report",
        "name": "Daily Report",
        "cron": "30 7 * * *",
        "target_url": "https://example.com/",
        "body": [f"{template}\n" for template, _ in examples],
        "labels": {"team": "billing", "app.kubernetes.io/name": "reports"},
    }
    spec, complaints = declare(job, zone="Asia/Tokyo", variables=Variables({"page_size": 50}))
    assert spec is not None, complaints
    sent = rendered(spec, Context.of(spec, SLOT, ID, zone="Asia/Tokyo", created_at=SLOT))
    assert sent.body == [f"{text}\n" for _, text in examples]


@pytest.mark.parametrize("page", PAGES, ids=["English", "Japanese"])
def test_the_page_has_all_filters_and_directives(page: Path) -> None:
    text = page.read_text("utf-8")
    used = {name for template, _ in LINE.findall(text) for name in re.findall(r"\| (\w+)", template)}
    assert used == set(FILTERS)
    (row,) = re.findall(r"`(%Y %y [^`]*)`", text)
    assert {letter.removeprefix("%") or "%" for letter in row.split()} == set(DIRECTIVES)
