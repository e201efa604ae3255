"""The heat map of the starts to come."""

import re
from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.browser import Pages
from tests.support.service import Service


def test_a_cell_leads_to_its_worst_minutes(pages: Pages) -> None:
    page = pages.open("/ui/forecast?days=1")
    cell = page.locator("figure .heat[role=button]").first
    cell.focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"cell=\d{4}-\d{2}-\d{2}"))
    expect(page.get_by_role("heading", name="The worst minutes of")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="The worst minutes", exact=True)).to_be_visible()


def test_another_span(pages: Pages) -> None:
    page = pages.open("/ui/forecast")
    page.get_by_label("How far ahead").select_option("1")
    expect(page).to_have_url(re.compile(r"days=1$"))
    expect(page.locator("figure .label")).to_have_count(2)


def test_the_advice(pages: Pages, start: Callable[..., Service]) -> None:
    service = start(has_jobs=False)
    for number in range(30):
        service.create(job_id=f"job-{number}", target_url="http://127.0.0.1:9/x", cron="0 3 * * *")
    page = pages.open("/ui/forecast", service=service)
    expect(page.get_by_text("jitter_sec:")).to_be_visible()
    expect(page.get_by_text("30 starts by 30 jobs")).to_be_visible()


def test_without_jobs(pages: Pages, start: Callable[..., Service]) -> None:
    page = pages.open("/ui/forecast", service=start(has_jobs=False))
    expect(page.get_by_text("No calls to come")).to_be_visible()


def test_a_target_that_gets_more_calls_than_it_takes(pages: Pages, start: Callable[..., Service]) -> None:
    service = start(has_jobs=False)
    service.write("targets.yaml", "billing: {base_url: 'http://127.0.0.1:9', rate: {calls: 30, per: PT1M}}")
    job = "job_id: job-{:02}\ncron: '0 3 * * *'\ntarget: billing\nmisfire_grace_time: 60\n"
    service.write("jobs.yaml", "---\n".join(job.format(number) for number in range(50)))
    service.until(lambda: service.get("/api/v1/jobs/job-49").status_code == 200)
    page = pages.open("/ui/forecast", service=service)
    panel = page.locator(".panel").filter(has=page.get_by_role("heading", name="Targets with limits"))
    expect(panel.get_by_role("row").last).to_contain_text("billing")
    expect(panel.get_by_text("50 calls need").first).to_be_visible()
    expect(panel.get_by_text("Missed, as they wait longer than their grace: 19").first).to_be_visible()
    expect(panel.get_by_role("link", name="job-31").first).to_be_visible()
