"""How much of a job's error budget is left, and how fast it burns."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import Pages
from tests.support.checkout import ROOT
from tests.support.service import Service
from tests.support.target import Answer, Target

PANEL = ".panel:has(svg.budget)"


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as one:
        yield one


@pytest.fixture
def service(pages: Pages, start: Callable[..., Service], target: Target) -> Service:
    """A service with a job that has an objective; its first due run failed, and others went well."""
    service = start(has_jobs=False)
    pages.service = service
    target.answers("/sales", Answer(500, b""), Answer(200))
    objective = {"success": 50, "late_sec": 60, "window": "P30D"}
    service.create(job_id="sales", target_url=target.url("/sales"), interval={"seconds": 1}, slo=objective)
    service.until(lambda: slo_of(service)["good"] >= 3)
    assert service.post("/api/v1/jobs/sales/pause", json={"reason": "x"}).status_code == 200
    service.until(lambda: service.get("/api/v1/now").json()["executions"]["in_flight"] == 0)
    return service


def slo_of(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = service.get("/api/v1/jobs/sales/stats").json()["slo"]
    return found


def test_what_is_left_and_how_fast_it_burns(pages: Pages, service: Service) -> None:
    page = pages.open("/ui/jobs/sales")
    slo, panel = slo_of(service), page.locator(PANEL)
    expect(panel.get_by_role("heading")).to_have_text("How much of the error budget is left?")
    expect(panel).to_contain_text("50% of the due runs of 30 days have to go well and start within 60 seconds")
    total, left = slo["good"] + slo["bad"], f"{round(100 * slo['budget_left'], 2):g}%"
    expect(panel).to_contain_text(f"{slo['good']} of {total} due runs were good")
    expect(panel.get_by_role("img")).to_have_attribute("aria-label", f"{left} of the error budget is left")
    expect(panel.locator(".badge")).to_have_text("holds")
    assert panel.locator("tbody tr td:first-child").all_inner_texts() == ["1 hour", "6 hours", "3 days"]
    rate = f"{round(slo['burn'][0]['rate'], 2):g}"
    expect(panel.locator("tbody tr").first).to_have_text(re.compile(rf"1 hour\s*{re.escape(rate)}\s*{total}\s*1"))
    pages.check_accessibility(page)
    pages.shoot(page, "job-objective", whole=True)


@pytest.mark.usefixtures("service")
def test_in_japanese_on_a_phone(pages: Pages) -> None:
    page = pages.open("/ui/jobs/sales", locale="ja-JP", width=375, is_dark=True)
    panel = page.locator(PANEL)
    expect(panel).to_contain_text("目標: 期間30日の予定のうち50%以上が60秒以内に開始して成功")
    expect(panel.locator("tbody tr").first).to_contain_text("1時間")
    pages.check_accessibility(page)
    pages.shoot(page, "job-objective-ja-phone", whole=True)


@pytest.mark.parametrize(
    ("left", "rates", "words", "badge"),
    [
        pytest.param(0.9, [7, 7, 0.1], "90% of the error budget is left", "burns fast", id="fast"),
        pytest.param(0.9, [0, 7, 0.1], "90% of the error budget is left", "holds", id="not any more"),
        pytest.param(0.4, [0, 2, 2], "40% of the error budget is left", "burns", id="slowly"),
        pytest.param(0, [0, 0, 0], "0% of the error budget is left", "spent", id="spent"),
        pytest.param(-0.5, [0, 0, 0], "The error budget is overspent by 50%", "spent", id="overspent"),
        pytest.param(1, [None, None, None], "100% of the error budget is left", "holds", id="nothing was due"),
    ],
)
def test_as_the_alert_rules_see_it(
    pages: Pages, left: float, rates: list[float | None], words: str, badge: str
) -> None:
    page = _with_objective(pages, left, rates)
    panel = page.locator(PANEL)
    expect(panel.locator("strong")).to_have_text(words)
    expect(panel.locator(".badge")).to_have_text(badge)
    if rates[0] is None:
        expect(panel).to_contain_text("No run was due yet.")


def _with_objective(pages: Pages, left: float, rates: list[float | None]) -> Page:
    """The page of a job whose numbers would take weeks to come about."""
    was_due = rates[0] is not None

    def answer(route: Route) -> None:
        answered = route.fetch()
        burn = [
            {"window": window, "good": 0, "bad": 0, "rate": rate}
            for window, rate in zip(("PT1H", "PT6H", "P3D"), rates, strict=True)
        ]
        slo = {
            "success": 99.5, "late_sec": None, "window": "P30D", "good": 9 * was_due, "bad": 1 * was_due,
            "achieved": 90 if was_due else None, "budget_left": left, "burn": burn,
        }  # fmt: skip
        route.fulfill(response=answered, body=json.dumps(answered.json() | {"slo": slo}))

    page = pages.blank(locale="en-GB", timezone_id="Asia/Tokyo")
    page.route("**/stats?**", answer)
    page.goto("/ui/jobs/cache-warmer")
    return page


def test_a_job_without_an_objective_has_none(pages: Pages) -> None:
    page = pages.open("/ui/jobs/cache-warmer")
    expect(page.locator("figure.calendar")).to_be_visible()
    expect(page.locator("svg.budget")).to_have_count(0)


def test_the_alert_rules_have_the_same_limits() -> None:
    script = (ROOT / "myscheduler/web/static/pages/job-objective.js").read_text("utf-8")
    rules = (ROOT / "deploy/prometheus/myscheduler.rules.yaml").read_text("utf-8")
    limits = re.findall(r'slo_burn_rate\{window="1/\d+"\} > (\d+)', rules)
    assert len(limits) == 4
    assert re.findall(r"^const (?:FAST|SLOW) = (\d+);$", script, re.MULTILINE) == [limits[0], limits[2]]
    assert (limits[0], limits[2]) == (limits[1], limits[3])
