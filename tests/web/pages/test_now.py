"""The first page: health, what runs, what comes, what failed; and what surrounds every page."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Route, expect

from tests.support.browser import Pages
from tests.support.fleet import token
from tests.support.service import Service


def test_what_it_says(pages: Pages) -> None:
    page = pages.open("/ui/")
    expect(page.get_by_role("link", name="13 jobs")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(r"\d held"))).to_have_attribute("href", "/ui/jobs?state=held")
    expect(page.get_by_text("1 problem")).to_be_visible()
    expect(page.get_by_text("HTTP 503").or_(page.get_by_text("answered 503")).first).to_be_visible()
    expect(page.locator("figure .label").first).to_be_visible()


def test_targets_are_shown_while_there_are_any(pages: Pages, start: Callable[..., Service]) -> None:
    service = start(has_jobs=False)
    page = pages.open("/ui/", service=service)
    expect(page.get_by_role("link", name="0 jobs")).to_be_visible()
    expect(page.get_by_role("region", name="Targets")).to_have_count(0)
    service.write("targets.yaml", "billing: {base_url: 'http://127.0.0.1:9', breaker: {failures: 1}}\n")
    service.write("a.yaml", "job_id: a\ntarget: billing\ncron: '0 3 * * *'\nretry: {max_attempts: 1}\n")
    service.until(lambda: service.get("/api/v1/jobs/a").status_code == 200)
    service.trigger("a")
    service.until(lambda: service.get("/api/v1/targets").json()["targets"][0]["circuit"] == "open")
    page = pages.open("/ui/", service=service)
    row = page.get_by_role("region", name="Targets").get_by_role("row", name="billing")
    expect(row.get_by_role("cell", name="open", exact=True)).to_be_visible()
    expect(row.locator("time")).to_be_visible()


def test_the_picture_has_a_table(pages: Pages) -> None:
    page = pages.open("/ui/")
    page.get_by_text("As a table").click()
    expect(page.get_by_role("figure").get_by_role("cell").first).to_be_visible()


def test_it_stays_true_by_itself(pages: Pages, start: Callable[..., Service]) -> None:
    service = start()
    page = pages.open("/ui/", service=service)
    expect(page.get_by_role("link", name="13 jobs")).to_be_visible()
    service.create(job_id="one-more", target_url="http://127.0.0.1:9/x", cron="0 3 * * *")
    expect(page.get_by_role("link", name="14 jobs")).to_be_visible()


def test_a_lost_service_is_shown_and_comes_back(pages: Pages, start: Callable[..., Service]) -> None:
    pages.allow("ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|status of 503")
    service = start(has_jobs=False)
    page = pages.open("/ui/", service=service)
    expect(page.get_by_role("link", name="0 jobs")).to_be_visible()
    page.route("**/api/v1/**", lambda route: route.abort("connectionrefused"))
    expect(page.get_by_text("The service does not answer.")).to_be_visible()
    page.unroute("**/api/v1/**")
    page.get_by_role("button", name="Try now").click()
    expect(page.get_by_text("The service does not answer.")).to_be_hidden()


def test_a_page_asked_for_during_an_outage_comes_after_it(pages: Pages) -> None:
    pages.allow("ERR_")
    page = pages.open("/ui/")
    expect(page.get_by_role("heading", name="Source")).to_be_visible()
    page.context.set_offline(True)
    page.get_by_role("link", name="Audit", exact=True).click()
    expect(page.get_by_role("main")).to_contain_text("does not answer")
    page.context.set_offline(False)
    expect(page.get_by_role("heading", name="Audit", level=1)).to_be_visible()


def test_back_closes_the_question(pages: Pages) -> None:
    page = pages.open("/ui/jobs")
    page.locator("[data-key=cache-warmer] a.job").click()
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("searchbox")).to_be_visible()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_signing_in_keeps_the_place(pages: Pages, start: Callable[..., Service]) -> None:
    pages.allow("status of 401")
    service = start(MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
    page = pages.open("/ui/jobs?q=report", service=service)
    page.get_by_label("Token").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    page.get_by_label("Token").fill(token(service, "ada", "operator"))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("searchbox")).to_have_value("report")
    expect(page).to_have_url(re.compile(r"/ui/jobs\?q=report$"))
    page.get_by_label("Settings").click()
    expect(page.get_by_text("ada")).to_be_visible()


def test_a_session_that_ends_asks_above_the_page(pages: Pages, start: Callable[..., Service]) -> None:
    pages.allow("status of 401")
    service = start(MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
    pages.service = service
    page = pages.open("/ui/jobs", service=service, token=token(service, "ada", "operator"))
    page.get_by_role("searchbox").fill("repor")
    page.context.clear_cookies()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Token").fill(token(service, "bob", "operator"))
    dialog.get_by_role("button", name="Sign in").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("searchbox")).to_have_value("repor")


def test_language_and_theme_are_remembered(pages: Pages) -> None:
    page = pages.open("/ui/")
    page.get_by_label("Settings").click()
    page.get_by_label("Theme").select_option("dark")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("Language").select_option("ja")
    expect(page.get_by_role("link", name="ジョブ", exact=True)).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "ja")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


def test_name_colour_and_icon(pages: Pages, start: Callable[..., Service]) -> None:
    service = start(has_jobs=False, MYSCHEDULER_NAME="本番", MYSCHEDULER_COLOR="#c2410c")
    page = pages.open("/ui/", service=service)
    expect(page.get_by_role("link", name="本番")).to_be_visible()
    expect(page).to_have_title("Now · 本番")
    assert "c2410c" in (page.locator("link[rel=icon]").get_attribute("href") or "")


def test_no_such_page(pages: Pages) -> None:
    pages.allow("status of 404")
    page = pages.open("/ui/nowhere")
    expect(page.get_by_role("heading", name="No such page")).to_be_visible()


def test_the_skip_link_and_the_order_of_focus(pages: Pages) -> None:
    page = pages.open("/ui/")
    expect(page.get_by_role("link", name="13 jobs")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("main")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="13 jobs")).to_be_focused()


def test_the_skip_link_does_not_draw_the_page_anew(pages: Pages) -> None:
    page = pages.open("/ui/")
    page.get_by_role("link", name="13 jobs").evaluate("(link) => { link.dataset.drawn = 'once'; }")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("#main$"))
    page.wait_for_timeout(300)
    expect(page.locator("[data-drawn=once]")).to_have_count(1)


def test_what_has_not_started_though_its_time_has_come_is_due(pages: Pages) -> None:
    page = pages.blank(locale="en-GB")

    def soon(route: Route) -> None:
        at = (datetime.now(UTC) + timedelta(seconds=4)).isoformat()
        slot = {"job_id": "late", "name": "Late", "slot": at, "slot_utc": at, "host": "a.example", "timezone": "UTC"}
        route.fulfill(json={"upcoming": [slot], "count": 1})

    page.route("**/api/v1/upcoming?*", soon)
    page.goto("/ui/")
    line = page.locator("li").filter(has_text="Late")
    expect(line.get_by_text("due now")).to_be_visible(timeout=20_000)
    expect(line).not_to_contain_text("ago")


def test_the_picture_says_what_its_height_and_times_mean(pages: Pages) -> None:
    page = pages.open("/ui/")
    legend = page.locator("figure .legend")
    expect(legend).to_have_text(re.compile(r"^Height: starts in 1 min, at most \d+\. Times are those of Asia/Tokyo\.$"))


def test_a_service_without_jobs_says_how_there_come_to_be_some(pages: Pages, start: Callable[..., Service]) -> None:
    page = pages.open("/ui/", service=start(has_jobs=False))
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    expect(page.locator("main").get_by_role("link", name="Plan")).to_have_attribute("href", "/ui/plan")


def test_a_job_that_expects_pings_calls_no_host(pages: Pages, start: Callable[..., Service]) -> None:
    service = start(has_jobs=False)
    service.create(job_id="called", target_url="http://127.0.0.1:9/", interval={"minutes": 10})
    service.create(job_id="pinged", ping={"key_sha256": "0" * 64}, interval={"minutes": 10})
    page = pages.open("/ui/", service=service)
    coming = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="pinged")).first
    expect(coming).to_contain_text("min.")
    expect(coming).not_to_contain_text("·")
    expect(page.locator("figure svg text").filter(has_text="127.0.0.1:9")).to_have_count(1)
    page.get_by_text("As a table").click()
    expect(page.locator("figure tbody tr").filter(has_not_text="127.0.0.1:9")).to_have_count(0)
