"""The page of all jobs: filters in the URL, the keyboard, and acts on many jobs."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import Pages
from tests.support.fleet import token
from tests.support.service import Service

ROWS = "[role=rowgroup].rows [role=row]"


def names(page: Page) -> list[str]:
    return [row.get_attribute("data-key") or "" for row in page.locator(ROWS).all()]


def test_all_jobs_are_there(pages: Pages) -> None:
    page = pages.open("/ui/jobs")
    expect(page.locator(ROWS)).to_have_count(13)
    row = page.locator(ROWS).filter(has_text="月末請求処理")
    expect(row).to_contain_text("nightly-billing")
    expect(row).to_contain_text("team=billing")
    expect(page.locator(ROWS).filter(has_text="stopped-in-git")).to_contain_text("paused")
    expect(page.locator(ROWS).filter(has_text="held-import")).to_contain_text("held")
    expect(page.locator(ROWS).filter(has_text="stock-import")).to_contain_text("failing")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("請求", ["nightly-billing"]),
        ("MARKET close", ["new-york-close"]),
        ("team=logistics", ["slow-sync", "stock-import"]),
        ("/warm", ["cache-warmer"]),
        ("ﾃﾞｰﾀ取込", ["stock-import"]),
    ],
)
def test_the_filter(pages: Pages, text: str, expected: list[str]) -> None:
    page = pages.open("/ui/jobs")
    page.get_by_role("searchbox").fill(text)
    expect(page.locator(ROWS)).to_have_count(len(expected))
    assert sorted(names(page)) == expected
    page.reload()
    expect(page.locator(ROWS)).to_have_count(len(expected))
    expect(page.get_by_role("searchbox")).to_have_value(text)


def test_nothing_matches(pages: Pages) -> None:
    page = pages.open("/ui/jobs?q=nothing-like-this")
    expect(page.get_by_text("No job matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(page.locator(ROWS)).to_have_count(13)


def test_states_and_labels_are_filters_that_back_takes_away(pages: Pages) -> None:
    page = pages.open("/ui/jobs")
    page.get_by_label("State").select_option("paused")
    expect(page).to_have_url(re.compile(r"\?state=paused$"))
    expect(page.locator(ROWS)).to_have_count(2)
    page.go_back()
    expect(page.locator(ROWS)).to_have_count(13)
    page.get_by_role("button", name="team=platform").first.click()
    expect(page.locator(ROWS)).to_have_count(2)
    page.get_by_role("button", name="team=platform ×").click()
    expect(page.locator(ROWS)).to_have_count(13)


def test_sorted_by_the_next_run(pages: Pages) -> None:
    page = pages.open("/ui/jobs?sort=next_run")
    expect(page.locator(ROWS)).to_have_count(13)
    order = sorted(
        (row.get_attribute("aria-rowindex") or "", row.get_attribute("data-key")) for row in page.locator(ROWS).all()
    )
    first = pages.service.get("/api/v1/jobs?sort=next_run&limit=3").json()["jobs"]
    assert dict(order)["2"] in {row["job_id"] for row in first}


def test_by_keyboard_alone(pages: Pages) -> None:
    page = pages.open("/ui/jobs")
    expect(page.locator(ROWS).first).to_be_visible()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("daily")
    page.keyboard.press("Escape")
    expect(page.locator(ROWS)).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_text("1 job selected")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/jobs/daily-report$"))


def test_many_are_paused_and_resumed(pages: Pages, start: Callable[..., Service]) -> None:
    service = start()
    page = pages.open("/ui/jobs?q=team%3Dlogistics", service=service)
    expect(page.locator(ROWS)).to_have_count(2)
    page.get_by_role("checkbox", name="Select the jobs that match").check()
    page.get_by_role("button", name="Pause", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("stock-import")
    expect(dialog.get_by_role("button", name="Pause")).to_be_disabled()
    dialog.get_by_label("Reason").fill("棚卸し")
    dialog.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("2 done, 0 unchanged, 0 refused")).to_be_visible()
    expect(page.locator(ROWS).filter(has_text="paused")).to_have_count(2)
    assert service.job("stock-import")["pause"]["reason"] == "棚卸し"


def test_the_pointer_sees_what_a_result_of_a_strip_is(pages: Pages) -> None:
    page = pages.open("/ui/jobs")
    strip = page.locator(ROWS).filter(has_text="stock-import").locator("svg.strip")
    expect(strip.locator("title")).to_have_count(0)
    strip.hover()
    marks = strip.locator("rect").count()
    assert marks > 0
    expect(strip.locator("rect > title")).to_have_count(marks)
    expect(strip.locator("title").last).to_have_text(re.compile(r":\d\d GMT\+9 · failed( · .+)?$"))


def test_an_update_leaves_a_dialog_and_what_is_typed(pages: Pages, start: Callable[..., Service]) -> None:
    service = start()
    page = pages.open("/ui/jobs", service=service)
    page.get_by_role("checkbox", name="Select cache-warmer").check()
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_label("Reason").fill("half a senten")
    service.trigger("cache-warmer")
    with page.expect_response(re.compile("/strips")):
        pass
    expect(page.get_by_label("Reason")).to_have_value("half a senten")
    expect(page.get_by_label("Reason")).to_be_focused()


def test_a_viewer_sees_why_not(pages: Pages, start: Callable[..., Service]) -> None:
    service = start(MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
    pages.service = service
    page = pages.open("/ui/jobs", service=service, token=token(service, "eve", "viewer"))
    page.get_by_role("checkbox", name="Select cache-warmer").check()
    button = page.get_by_role("button", name="Pause", exact=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_have_attribute("title", "Needs the role operator")
    button.click(force=True)
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_without_jobs(pages: Pages, start: Callable[..., Service]) -> None:
    page = pages.open("/ui/jobs", service=start(has_jobs=False))
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    pages.check_accessibility(page)


def test_rows_stay_where_they_are_when_their_details_arrive(pages: Pages) -> None:
    """In Japanese, schedules are put together from parts that are read for what is seen only."""
    page = pages.blank(locale="ja-JP", viewport={"width": 1280, "height": 800})
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/api/v1/jobs?*fields=*", hold)
    page.goto("/ui/jobs")
    rows = page.locator(".rows .line")
    expect(rows).to_have_count(13)
    expect(rows.first.locator(".schedule")).to_have_text("…")
    places = [one.bounding_box() for one in rows.all()]
    page.wait_for_function("() => performance.getEntriesByType('resource').some((one) => one.name.includes('/strips'))")
    for one in held:
        one.continue_()
    page.unroute("**/api/v1/jobs?*fields=*", hold)
    expect(rows.filter(has_text="daily-report").locator(".schedule")).to_contain_text("10:30")
    assert [one.bounding_box() for one in rows.all()] == places
