"""Ten thousand jobs in the list: only what is seen is in the document, and everything is within reach."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from myscheduler.adapters.store import open_store
from myscheduler.adapters.store.rows.jobs import insert_jobs
from tests.support.browser import Pages
from tests.support.parts import job
from tests.support.service import Service
from tests.support.stored import sqlite_url

MANY = 10_000
ROWS = ".rows [role=row]"
LIST = ".list"
MOST_ROWS = 60
"""In the document: those that are seen, and a few around them."""


@pytest.fixture
def many(tmp_path: Path) -> Iterator[Service]:
    """A service with 10,000 jobs of the API, none of which is due soon."""
    data = tmp_path / "data"
    data.mkdir()
    first = job("job-00000", datetime.now(UTC), interval={"days": 300}, target_url="http://127.0.0.1:9/x")
    made = [
        replace(first, spec=replace(first.spec, job_id=f"job-{number:05}", name=f"集計 {number}"))
        for number in range(MANY)
    ]

    async def fill() -> None:
        with open_store(sqlite_url(data)) as store:
            await store.write(partial(insert_jobs, new=made))

    asyncio.run(fill())
    with Service(tmp_path) as service:
        yield service


def test_ten_thousand_jobs(many: Service, pages: Pages) -> None:
    page = pages.blank(service=many, locale="en-GB", viewport={"width": 1280, "height": 800})
    page.goto("/ui/jobs")
    expect(page.get_by_text("10,000 of 10,000 jobs")).to_be_visible(timeout=60_000)
    expect(page.locator(LIST)).to_have_attribute("aria-rowcount", str(MANY + 1))
    _filter(page)
    _scroll_to_the_end(page)
    _walk_by_keyboard(page)
    _stay_through_an_update(page, many)
    _act_on_fifty(page, many)


def _filter(page: Page) -> None:
    page.get_by_role("searchbox").fill("job-0999")
    expect(page.locator(ROWS)).to_have_count(10)
    expect(page.locator(LIST)).to_have_attribute("aria-rowcount", "11")
    page.get_by_role("searchbox").fill("")
    expect(page.locator(LIST)).to_have_attribute("aria-rowcount", str(MANY + 1))


def _scroll_to_the_end(page: Page) -> None:
    page.locator(LIST).evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
    last = page.locator("[data-key=job-09999]")
    expect(last).to_be_in_viewport()
    expect(last).to_have_attribute("aria-rowindex", str(MANY + 1))
    assert page.locator(ROWS).count() < MOST_ROWS
    page.locator(LIST).evaluate("(list) => { list.scrollTop = 0; }")
    expect(page.locator("[data-key=job-00000]")).to_be_in_viewport()


def _walk_by_keyboard(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    for _ in range(41):
        page.keyboard.press("j")
    reached = page.locator("[data-key=job-00040]")
    expect(reached.get_by_role("link")).to_be_focused()
    expect(reached).to_be_in_viewport(ratio=1)
    page.keyboard.press("k")
    expect(page.locator("[data-key=job-00039]").get_by_role("link")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("[data-key=job-00040]").get_by_role("checkbox")).to_be_focused()
    page.keyboard.press("k")


def _stay_through_an_update(page: Page, service: Service) -> None:
    link = page.locator("[data-key=job-00039]").get_by_role("link")
    expect(link).to_be_focused()
    before = page.locator(LIST).evaluate("(list) => list.scrollTop")
    assert service.post("/api/v1/jobs/job-00039/pause", json={"by": "ada", "reason": "x"}).is_success
    expect(page.locator("[data-key=job-00039]")).to_contain_text("paused")
    expect(link).to_be_focused()
    assert page.locator(LIST).evaluate("(list) => list.scrollTop") == before
    page.locator(LIST).evaluate("(list) => { list.scrollTop = 200_000; }")
    expect(page.locator("[data-key=job-04170]")).to_be_in_viewport()
    expect(link).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("[data-key=job-00040]").get_by_role("link")).to_be_focused()
    expect(page.locator("[data-key=job-00040]")).to_be_in_viewport()


def _act_on_fifty(page: Page, service: Service) -> None:
    page.get_by_role("searchbox").fill("job-000")
    expect(page.locator(LIST)).to_have_attribute("aria-rowcount", "101")
    every = page.get_by_role("checkbox", name=re.compile("Select the jobs that match"))
    every.click()
    expect(page.get_by_text("Select at most 50 jobs")).to_be_visible()
    expect(page.get_by_text("50 jobs selected")).to_be_visible()
    assert every.evaluate("(box) => box.indeterminate")
    page.get_by_role("button", name="Pause", exact=True).click()
    dialog = page.get_by_role("dialog", name="Pause 49 jobs?")
    expect(dialog).to_contain_text("and 41 more")
    expect(dialog).to_contain_text("job-00039")
    dialog.get_by_label("Reason").fill("棚卸し")
    page.keyboard.press("Enter")
    expect(page.get_by_text("49 done, 0 unchanged, 0 refused")).to_be_visible()
    assert service.job("job-00039")["pause"]["reason"] == "x"
    paused = service.get("/api/v1/jobs?paused=true&limit=1000&fields=job_id").json()["jobs"]
    assert [row["job_id"] for row in paused] == [f"job-{number:05}" for number in range(50)]
