"""The longest names, ids, URLs and labels that there may be: nothing grows without limit, nothing is lost."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.support.browser import Pages
from tests.support.service import Service

ID = "i" * 255
NAME = "とても長い名前の" * 31
URL = "http://127.0.0.1:9/" + "a" * 1980
LABELS = {f"label-number-{number}": "v" * 40 if number == 0 else f"value-{number}" for number in range(50)}
PAGES = {
    "now": "", "jobs": "jobs", "job": f"jobs/{ID}", "executions": "executions", "incidents": "incidents",
    "source": "source", "plan": "plan", "audit": "audit", "forecast": "forecast",
}  # fmt: skip
TWO_LINES = 2 * 20 * 1.3


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("long")) as service:
        service.create(job_id=ID, name=NAME, target_url=URL, interval={"hours": 1}, labels=LABELS)
        service.trigger(ID)
        service.until(lambda: service.executions(ID)[0]["status"] == "failed")
        service.until(lambda: service.job(ID)["incidents"])
        yield service


@pytest.mark.parametrize("page_name", PAGES)
def test_a_phone_shows_it_without_scrolling_sideways(pages: Pages, long: Service, page_name: str) -> None:
    page = pages.open(f"/ui/{PAGES[page_name]}", service=long, width=375, locale="ja-JP")
    expect(page.locator("main h1")).to_have_count(1)
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    pages.shoot(page, f"long-{page_name}-375", whole=page_name != "jobs")


def test_the_heading_of_a_job_has_two_lines_and_all_is_within_reach(pages: Pages, long: Service) -> None:
    page = pages.open(f"/ui/jobs/{quote(ID)}", service=long)
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_have_text(NAME)
    expect(heading).to_have_attribute("title", NAME)
    box = heading.bounding_box()
    assert box
    assert box["height"] <= TWO_LINES + 1
    chips = page.locator(".job-head .chip")
    expect(chips).to_have_count(13)
    page.get_by_role("button", name="and 38 more").click()
    expect(chips).to_have_count(50)
    pages.check_accessibility(page)


@pytest.mark.parametrize("path", ["executions", "incidents", "audit"])
def test_a_row_has_few_lines(pages: Pages, long: Service, path: str) -> None:
    page = pages.open(f"/ui/{path}", service=long)
    link = page.locator("tbody .job").first
    expect(link).to_have_attribute("title", ID)
    box = link.bounding_box()
    assert box
    assert box["height"] <= 2 * 21 + 1
