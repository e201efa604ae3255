"""The history of all jobs, and one execution."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browser import Pages
from tests.support.fleet import MARKUP, token
from tests.support.service import Service
from tests.support.target import Answer, Target

ROWS = "table.ledger tbody tr"


def test_the_newest_come_first_and_each_leads_to_its_page(pages: Pages) -> None:
    page = pages.open("/ui/executions?job=stock-import")
    expect(page.locator(ROWS)).to_have_count(3)
    expect(page.locator(ROWS).first).to_contain_text("HTTP 503")
    page.locator(ROWS).first.get_by_role("link").first.click()
    expect(page).to_have_url(re.compile(r"/ui/executions/[0-9a-f-]{36}$"))
    expect(page.get_by_text("在庫 DB is down")).to_be_visible()


def test_filters_are_in_the_url_and_survive_back(pages: Pages) -> None:
    page = pages.open("/ui/executions")
    page.get_by_label("State").select_option("failed")
    expect(page).to_have_url(re.compile(r"\?status=failed$"))
    expect(page.locator(ROWS).filter(has_text="completed")).to_have_count(0)
    page.locator(ROWS).first.get_by_role("link").first.click()
    expect(page.get_by_role("heading", name="Attempts")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("State")).to_have_value("failed")
    expect(page.locator(ROWS).filter(has_text="completed")).to_have_count(0)


def test_back_sets_the_fields_to_the_filters_that_count(pages: Pages) -> None:
    page = pages.open("/ui/executions")
    expect(page.locator(ROWS).first).to_be_visible()
    page.get_by_label("Job id").fill("stock-import")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS)).to_have_count(3)
    page.go_back()
    expect(page.locator(ROWS).filter(has_text="api-markup").first).to_be_visible()
    expect(page.get_by_label("Job id")).to_have_value("")


def test_a_filter_chosen_during_an_outage_counts_after_it(pages: Pages) -> None:
    pages.allow("ERR_")
    page = pages.open("/ui/executions")
    expect(page.locator(ROWS).filter(has_text="completed").first).to_be_visible()
    page.context.set_offline(True)
    page.get_by_label("State").select_option("failed")
    expect(page.get_by_role("alert").filter(has_text="does not answer").first).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator(ROWS).filter(has_text="completed")).to_have_count(0)
    expect(page.locator(ROWS).first).to_contain_text("failed")


@pytest.mark.parametrize("day", ["abc", "2026-99-99", "0001-01-01", "9999-12-31"])
def test_a_day_that_no_list_has_is_no_filter(pages: Pages, day: str) -> None:
    page = pages.open(f"/ui/executions?day={day}")
    expect(page.locator(ROWS).first).to_be_visible()


def test_a_day_without_runs(pages: Pages) -> None:
    page = pages.open("/ui/executions?day=2020-02-29")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator(ROWS).first).to_be_visible()


def test_a_wrong_filter_is_a_clear_error(pages: Pages) -> None:
    pages.allow("status of 422")
    page = pages.open("/ui/executions?status=nonsense")
    expect(page.get_by_role("alert")).to_contain_text("status")


def test_newer_rows_wait_until_they_are_asked_for(pages: Pages, start: Callable[..., Service]) -> None:
    service = start()
    page = pages.open("/ui/executions?job=cache-warmer", service=service)
    expect(page.locator(ROWS)).to_have_count(1)
    service.trigger("cache-warmer")
    expect(page.get_by_role("button", name="Show 1 newer")).to_be_visible()
    expect(page.locator(ROWS)).to_have_count(1)
    page.get_by_role("button", name="Show 1 newer").click()
    expect(page.locator(ROWS)).to_have_count(2)


def test_what_a_target_answered_is_only_text(pages: Pages) -> None:
    page = pages.open("/ui/executions?job=api-markup")
    page.locator(ROWS).first.get_by_role("link").first.click()
    expect(page.locator("pre").first).to_have_text(MARKUP)
    assert page.locator("main img, main script").count() == 0
    expect(page).to_have_title(re.compile("Execution of api-markup"))


def test_attempts_are_drawn(pages: Pages) -> None:
    page = pages.open("/ui/executions?job=stock-import")
    page.locator(ROWS).first.get_by_role("link").first.click()
    expect(page.locator("figure rect.mark")).to_have_count(2)
    expect(page.get_by_role("table").get_by_text("HTTP 503")).to_have_count(2)


def test_a_wait_for_the_next_attempt_is_shown_and_can_be_cancelled(
    pages: Pages, start: Callable[..., Service], target: Target
) -> None:
    target.answers("/down", Answer(503))
    service = start(has_jobs=False)
    fields = {"target_url": target.url("/down"), "interval": {"hours": 1}}
    service.create(job_id="a", max_retries=3, retry_backoff_sec=1800, **fields)
    execution_id = service.trigger("a")
    service.until(lambda: service.get(f"/api/v1/executions/{execution_id}").json()["next_attempt_at"])
    page = pages.open("/ui/", service=service)
    expect(page.locator("main")).to_contain_text("waits for attempt 2")
    page = pages.open(f"/ui/executions/{execution_id}", service=service)
    expect(page.get_by_text("waits for attempt 2")).to_be_visible()
    page.get_by_role("button", name="Cancel execution").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel execution").click()
    expect(page.get_by_text("waits for attempt 2")).to_be_hidden()
    assert len(target.requests) == 1


def test_secrets_are_references_in_the_command(pages: Pages) -> None:
    page = pages.open("/ui/executions?job=nightly-billing")
    page.locator(ROWS).first.get_by_role("link").first.click()
    expect(page.get_by_text("curl -X POST")).to_contain_text("billing-token")
    assert "s3cret-of-billing" not in page.content()


def test_running_again(pages: Pages, start: Callable[..., Service]) -> None:
    service = start()
    page = pages.open("/ui/executions?job=cache-warmer", service=service)
    page.locator(ROWS).first.get_by_role("link").first.click()
    before = page.url
    page.get_by_role("button", name="Run again").click()
    page.get_by_role("dialog").get_by_role("button", name="Run again").click()
    expect(page.get_by_text("Repeats")).to_be_visible()
    assert page.url != before


def test_a_viewer_may_not_run_it_again(pages: Pages, start: Callable[..., Service]) -> None:
    service = start(MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
    pages.service = service
    page = pages.open("/ui/executions?job=cache-warmer", service=service, token=token(service, "eve", "viewer"))
    page.locator(ROWS).first.get_by_role("link").first.click()
    expect(page.get_by_role("button", name="Run again")).to_have_attribute("aria-disabled", "true")


def test_no_such_execution(pages: Pages) -> None:
    pages.allow("status of 404")
    page = pages.open("/ui/executions/00000000-0000-7000-8000-000000000000")
    expect(page.get_by_role("heading", name="This could not be shown")).to_be_visible()


def test_the_phases_of_the_call_and_its_connection(pages: Pages, start: Callable[..., Service], target: Target) -> None:
    service = start(has_jobs=False)
    service.create(job_id="a", target_url=target.url("/slow"), interval={"hours": 1})
    target.answers("/slow", Answer(delay=0.2))
    execution_id = service.trigger("a")
    service.until(lambda: service.get(f"/api/v1/executions/{execution_id}").json()["exchange"])
    page = pages.open(f"/ui/executions/{execution_id}", service=service)
    expect(page.get_by_text("Where did the time of the last attempt go?")).to_be_visible()
    expect(page.locator("figure rect.phase")).to_have_count(3)
    names = page.locator("table.phases th").all_inner_texts()
    assert [one.strip() for one in names] == ["Connecting", "Waiting for the answer", "Reading the answer", "In all"]
    expect(page.get_by_text("Connected to")).to_be_visible()
    expect(page.get_by_text(f"127.0.0.1:{target.port}", exact=True)).to_be_visible()
