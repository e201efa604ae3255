"""An open circuit among the incidents: it is of a target, and of no job."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browser import Pages
from tests.support.service import Service
from tests.support.target import Answer, Target

ROWS = "table.incidents tbody tr"


@pytest.fixture
def service(start: Callable[..., Service], pages: Pages) -> Service:
    """A service whose target `billing` fails, so that its circuit is open."""
    service = start(has_jobs=False)
    pages.service = service
    return service


def test_who_takes_care_of_a_target(pages: Pages, service: Service) -> None:
    with Target() as target:
        target.answers("/close", Answer(503))
        breaker = "{failures: 1, open_sec: 80000, longest_sec: 86400}"
        service.write("targets.yaml", f"billing: {{base_url: '{target.url()}', breaker: {breaker}}}")
        service.write("jobs.yaml", "job_id: close\ntarget: billing\npath: /close\ncron: '0 0 1 1 *'\n")
        service.until(lambda: service.get("/api/v1/jobs/close").status_code == 200)
        service.trigger("close")
        service.until(lambda: service.get("/api/v1/incidents?kind=circuit").json()["count"])
        page = pages.open("/ui/incidents?kind=circuit")
        row = page.locator(ROWS)
        expect(row).to_have_count(1)
        expect(row).to_contain_text("billing")
        expect(row).to_contain_text("circuit open")
        expect(row).to_contain_text("answered 503")
        row.get_by_role("link").first.click()
        expect(page).to_have_url(re.compile(r"/ui/incidents/[0-9a-f-]{36}$"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("billing")
        page.get_by_role("button", name="Acknowledge…").click()
        page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
        expect(page.get_by_text("takes care of it").first).to_be_visible()
        page.get_by_role("link", name="Now").first.click()
        expect(page.locator("li.trouble").filter(has_text="billing")).to_be_visible()
