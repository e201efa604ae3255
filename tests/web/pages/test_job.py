"""The page of one job: when it runs, why it did not, and what can be done with it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from myscheduler.core.explain.schedule_parts import schedule_parts
from tests.support.browser import Pages
from tests.support.fleet import MARKUP, token
from tests.support.parts import spec
from tests.support.service import Service, manifest
from tests.support.target import Answer, Silence, Target

ROWS = "table.ledger tbody tr"
CELLS = "table.days a"
NEWER = re.compile(r"Show .*newer")


def panel(page: Page, title: str) -> Locator:
    return page.locator("section.panel, figure").filter(has=page.get_by_text(title, exact=True))


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as one:
        yield one


@pytest.fixture
def own(start: Callable[..., Service], target: Target) -> Service:
    """A service of the test's own with the job `a` of the API, which runs once an hour."""
    service = start(has_jobs=False)
    service.create(job_id="a", name="在庫の取り込み", target_url=target.url("/a"), interval={"hours": 1})
    return service


def run(service: Service, job_id: str, times: int = 1) -> None:
    for _ in range(times):
        execution_id = service.trigger(job_id)
        service.until(lambda one=execution_id: _has_ended(service, one))  # type: ignore[misc]


def _has_ended(service: Service, execution_id: str) -> bool:
    answer = service.get(f"/api/v1/executions/{execution_id}")
    return answer.status_code == 200 and bool(answer.json()["status"] != "running")


class TestWhatIsShown:
    def test_a_job_of_a_manifest(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/daily-report", zone="Europe/London")
        expect(page.get_by_role("heading", level=1)).to_have_text("日次レポート生成")
        expect(page).to_have_title(re.compile("日次レポート生成"))
        head = page.locator(".job-top")
        expect(head).to_contain_text("at 10:30, Monday through Friday")
        expect(head).to_contain_text(re.compile(r"fleet\.yaml:\d+"))
        expect(head).to_contain_text("team=reports")
        coming = panel(page, "When does it run next?")
        expect(coming.get_by_text("Asia/Tokyo; you are in Europe/London")).to_be_visible()
        expect(coming.locator("time[datetime*='T10:30:00+09:00']").first).to_contain_text("10:30:00")
        expect(coming.get_by_text(re.compile(r"0[12]:30:00 \S+ for you")).first).to_be_visible()
        declared = panel(page, "How is it declared?")
        expect(declared.locator("pre")).to_contain_text('cron: "30 10 * * mon-fri"')
        expect(declared).to_contain_text(re.compile(r"fleet\.yaml:\d+ @ sha256:"))
        expect(declared).to_contain_text("paused: true")
        expect(page.get_by_role("button", name="Delete")).to_have_count(0)
        expect(panel(page, "What changed when?")).to_contain_text("created")

    def test_a_job_that_fails(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/stock-import")
        expect(page.locator(CELLS)).to_have_count(69)
        expect(page.locator("path.crosses")).not_to_have_count(0)
        expect(page.locator(".remarks")).to_contain_text("3 failures in a row, since")
        expect(page.locator(".remarks").get_by_role("link").first).to_have_attribute(
            "href", re.compile("/ui/executions/")
        )
        expect(page.locator(ROWS)).to_have_count(3)
        expect(page.locator(ROWS).first).to_contain_text("HTTP 503")
        page.locator(ROWS).first.get_by_role("link").click()
        expect(page).to_have_url(re.compile(r"/ui/executions/[0-9a-f-]{36}$"))

    def test_how_long_it_took_is_also_a_table(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/stock-import")
        took = page.locator("figure").filter(has_text="How long does it take?")
        took.get_by_text("As a table").click()
        expect(took.get_by_role("cell", name="p95", exact=True)).to_be_visible()
        expect(took.get_by_role("cell", name=re.compile("failed")).first).to_be_visible()
        took.get_by_text("As a table").click()
        expect(took.get_by_role("cell", name="p95", exact=True)).to_be_hidden()

    def test_a_dot_is_described_and_leads_to_its_execution(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/stock-import")
        took = page.locator("figure").filter(has_text="How long does it take?")
        expect(took.locator(".said")).to_contain_text("3 executions")
        drawn = took.locator(".picture path.crosses").get_attribute("d") or ""
        x, y = map(float, re.findall(r"[\d.]+", drawn)[:2])
        took.get_by_role("img").hover(position={"x": x + 3, "y": y + 3})
        expect(took.locator(".said")).to_contain_text("failed")
        took.get_by_role("img").click(position={"x": x + 3, "y": y + 3})
        expect(page).to_have_url(re.compile(r"/ui/executions/[0-9a-f-]{36}$"))

    def test_a_job_that_runs_every_ten_seconds_is_counted(
        self, pages: Pages, start: Callable[..., Service], target: Target
    ) -> None:
        service = start(has_jobs=False)
        service.create(job_id="often", target_url=target.url("/often"), interval={"seconds": 10})
        page = pages.open("/ui/jobs/often", service=service)
        expect(page.locator(CELLS).nth(60)).to_contain_text("8.6K×")
        expect(page.locator(CELLS).nth(60)).to_have_attribute("title", re.compile("8,640 runs to come, the first at"))

    def test_a_one_off_job_without_runs(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/launch")
        expect(page.get_by_role("heading", level=1)).to_have_text("新世紀のごあいさつ")
        coming = panel(page, "When does it run next?")
        expect(coming.locator("li")).to_have_count(1)
        expect(coming).to_contain_text("2100")
        expect(page.get_by_text("No runs yet").first).to_be_visible()
        expect(panel(page, "What ran, and what did not?")).to_contain_text("Nothing has run yet")

    def test_what_will_be_left_out_has_a_reason(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/often-closed")
        expect(page.locator(CELLS).nth(50)).to_have_attribute("title", re.compile("32 left out: in a blackout"))
        page = pages.open("/ui/jobs/daily-report", locale="ja-JP")
        expect(page.locator(CELLS).nth(50)).to_have_attribute("title", re.compile("実行予定|対象外"))

    def test_paused_by_an_operator(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/api-paused")
        expect(page.locator(".remarks")).to_contain_text("by ada")
        expect(page.locator(".remarks q")).to_have_text("倉庫の移転が終わるまで")
        expect(page.locator(CELLS).nth(60).locator("svg")).to_be_visible()
        expect(page.locator(CELLS).nth(60)).to_have_attribute("title", re.compile("paused"))
        expect(panel(page, "When does it run next?").locator("li.off")).to_have_count(8)

    def test_paused_in_git(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/stopped-in-git")
        expect(page.locator(".remarks")).to_contain_text(re.compile(r"in fleet\.yaml:\d+: change it there"))
        resume = page.get_by_role("button", name="Resume")
        expect(resume).to_have_attribute("aria-disabled", "true")
        expect(resume).to_have_attribute("title", re.compile("fleet.yaml"))
        expect(panel(page, "How is it declared?")).to_contain_text("To let it run again, remove there: paused: true")

    def test_held(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/held-import")
        expect(page.locator(".remarks")).to_contain_text("Its manifest has an error")
        expect(page.locator(".job-title")).to_contain_text("held")

    def test_the_lines_of_its_file(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/stock-import")
        page.get_by_text("The lines of the file").click()
        expect(page.get_by_role("group", name="fleet.yaml, lines")).to_contain_text("job_id: stock-import")

    def test_a_name_of_markup_is_text(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/api-markup")
        expect(page.get_by_role("heading", level=1)).to_have_text(MARKUP)
        assert page.locator("main img:not([role]), main script").count() == 0

    def test_no_such_job(self, pages: Pages) -> None:
        pages.allow("status of 404")
        page = pages.open("/ui/jobs/no-such-job")
        expect(page.get_by_text("No job no-such-job")).to_be_visible()
        pages.check_accessibility(page)

    def test_a_removed_job_still_has_its_history(self, pages: Pages, own: Service) -> None:
        pages.allow("status of 404")
        run(own, "a")
        page = pages.open("/ui/jobs/a", service=own)
        expect(page.locator(ROWS)).to_have_count(1)
        assert own.request("DELETE", "/api/v1/jobs/a").status_code == 200
        expect(page.locator(".job-title")).to_contain_text("removed")
        page.reload()
        expect(page.locator(ROWS)).to_have_count(1)
        expect(page.get_by_text("This is what is left of its history")).to_be_visible()
        expect(page.get_by_role("button", name="Run now")).to_have_count(0)
        expect(page.locator(CELLS)).to_have_count(35)
        expect(panel(page, "What changed when?")).to_contain_text("deleted")
        pages.check_accessibility(page)

    def test_changes_are_shown_field_by_field(self, pages: Pages, own: Service, target: Target) -> None:
        page = pages.open("/ui/jobs/a", service=own)
        body = {"name": "在庫の取り込み", "target_url": target.url("/a"), "interval": {"hours": 2}}
        assert own.put("/api/v1/jobs/a", json=body).status_code == 200
        diff = page.locator(".field-diff")
        expect(diff).to_contain_text("interval.hours")
        expect(diff.locator("del")).to_have_text("1")
        expect(diff.locator("ins")).to_have_text("2")
        expect(page.locator(".job-head")).to_contain_text("every 2 hours")

    def test_printed(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/stock-import")
        expect(page.locator(ROWS).first).to_be_visible()
        page.emulate_media(media="print")
        expect(page.locator("header.top")).to_be_hidden()
        expect(page.get_by_role("button", name="Run now")).to_be_hidden()
        expect(page.get_by_label("Time in Asia/Tokyo")).to_be_hidden()
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator(CELLS).first).to_be_visible()
        expect(page.locator(ROWS).first).to_be_visible()
        assert len(page.pdf(format="A4")) > 10_000


class TestDays:
    def test_a_day_filters_the_history(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/stock-import")
        expect(page.locator(ROWS)).to_have_count(3)
        yesterday = page.locator(CELLS).nth(33)
        date = yesterday.get_attribute("data-day") or ""
        yesterday.click()
        expect(page).to_have_url(re.compile(rf"\?day={date}$"))
        expect(yesterday).to_have_attribute("aria-current", "true")
        expect(page.locator(ROWS)).to_have_count(0)
        expect(page.get_by_text("Nothing matches")).to_be_visible()
        page.locator(f"{CELLS}.today").click()
        expect(page.locator(ROWS)).to_have_count(3)
        page.go_back()
        expect(page.locator(ROWS)).to_have_count(0)
        page.reload()
        expect(yesterday).to_have_attribute("aria-current", "true")
        page.get_by_role("button", name="Clear filters").click()
        expect(page.locator(ROWS)).to_have_count(3)
        expect(page).to_have_url(re.compile(r"stock-import$"))

    def test_by_keyboard(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/stock-import")
        today = page.locator(f"{CELLS}.today")
        expect(page.locator(f"{CELLS}[tabindex='0']")).to_have_count(1)
        today.focus()
        page.keyboard.press("ArrowUp")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile("day="))
        expect(page.locator(CELLS).nth(28)).to_be_focused()
        expect(page.locator(CELLS).nth(28)).to_have_attribute("aria-current", "true")

    def test_by_status(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/stock-import?status=completed")
        expect(page.get_by_text("Nothing matches")).to_be_visible()
        page.locator(".history select").select_option("failed")
        expect(page).to_have_url(re.compile(r"\?status=failed$"))
        expect(page.locator(ROWS)).to_have_count(3)

    @pytest.mark.parametrize(
        ("date", "zone", "hours", "start"),
        [
            ("2027-03-14", "America/New_York", 23, "2027-03-14T05:00:00.000Z"),
            ("2027-11-07", "America/New_York", 25, "2027-11-07T04:00:00.000Z"),
            ("2027-04-04", "Australia/Lord_Howe", 24.5, "2027-04-03T13:00:00.000Z"),
            ("2027-09-05", "America/Santiago", 23, "2027-09-05T04:00:00.000Z"),  # begins at 01:00
            ("2027-12-01", "Asia/Tokyo", 24, "2027-11-30T15:00:00.000Z"),
        ],
    )
    def test_days_begin_at_midnight_of_the_zone(
        self, pages: Pages, date: str, zone: str, hours: float, start: str
    ) -> None:
        page = pages.open("/ui/jobs/launch")
        found = page.evaluate(
            """async ([date, zone]) => {
              const app = document.querySelector("script[type=module]").src;
              const { bordersOf } = await import(new URL("core/days.js", app).href);
              const { start, end } = bordersOf(date, zone);
              return [new Date(start).toISOString(), (end - start) / 3_600_000];
            }""",
            [date, zone],
        )
        assert found == [start, hours]


class TestHistory:
    def test_new_rows_wait_for_a_click_and_old_ones_come_by_another(
        self, pages: Pages, own: Service, target: Target
    ) -> None:
        run(own, "a", 27)
        page = pages.open("/ui/jobs/a", service=own)
        expect(page.locator(ROWS)).to_have_count(25)
        page.get_by_role("button", name="Older").click()
        expect(page.locator(ROWS)).to_have_count(27)
        expect(page.get_by_role("button", name="Older")).to_be_hidden()
        link = page.locator(ROWS).first.get_by_role("link")
        link.focus()
        target.answers("/a", Answer(500, b""))
        run(own, "a")
        expect(page.get_by_role("button", name=NEWER)).to_be_visible()
        expect(page.locator(ROWS)).to_have_count(27)
        expect(link).to_be_focused()
        page.get_by_role("button", name=NEWER).click()
        expect(page.locator(ROWS)).to_have_count(28)
        expect(page.locator(ROWS).first).to_contain_text("failed")
        expect(page.locator(".remarks")).to_contain_text("1 failure in a row")

    def test_a_row_that_is_running_ends(self, pages: Pages, own: Service, target: Target) -> None:
        target.answers("/a", Answer(200, b"", delay=10))
        own.trigger("a")
        page = pages.open("/ui/jobs/a", service=own)
        expect(page.locator(ROWS).first).to_contain_text("running")
        expect(page.locator(ROWS).first).to_contain_text("completed")
        expect(page.locator(ROWS)).to_have_count(1)

    def test_why_it_did_not_run(self, pages: Pages, start: Callable[..., Service], target: Target) -> None:
        service = start(has_jobs=False)
        service.write("b.yaml", manifest("b", target.url("/b"), "interval: {seconds: 1}", "paused: true"))
        service.until(lambda: service.get("/api/v1/jobs/b").status_code == 200)
        service.until(lambda: any(row["status"] == "skipped" for row in service.executions("b")))
        page = pages.open("/ui/jobs/b", service=service)
        row = page.locator(ROWS).filter(has_text="skipped").last
        expect(row).to_contain_text("paused")
        row.get_by_role("button", name=re.compile("Why did it not run at")).click()
        expect(page).to_have_url(re.compile(r"[?&]why=20"))
        answer = page.locator(".answer")
        expect(answer).to_contain_text("b.yaml:1")
        expect(answer.get_by_role("link")).to_have_attribute("href", re.compile("/ui/executions/"))
        page.reload()
        expect(answer).to_contain_text("b.yaml:1")
        page.get_by_role("button", name="The last run").click()
        expect(page).to_have_url(re.compile(r"[?&]why=last"))
        expect(answer).to_contain_text("b.yaml:1")

    def test_asking_for_a_time_without_a_slot(self, pages: Pages) -> None:
        page = pages.open("/ui/jobs/new-york-close")
        page.get_by_label("Time in America/New_York").fill("2020-02-29T12:00:00")
        page.keyboard.press("Enter")
        expect(page.locator(".answer")).to_contain_text("There is no slot at that time")
        expect(page.locator(".answer")).to_contain_text("Next run:")
        page = pages.open("/ui/jobs/new-york-close?why=2020-02-29T12:00:00", locale="ja-JP")
        expect(page.locator(".answer")).to_contain_text("現在のスケジュールにその時刻の回はない。")
        assert not re.search(r"[a-z]{4,} [a-z]{4,}", page.locator(".answer").inner_text())

    def test_an_impossible_time_is_an_error(self, pages: Pages) -> None:
        pages.allow("status of 422")
        page = pages.open("/ui/jobs/new-york-close?why=nonsense")
        expect(page.locator(".answer .failure")).to_contain_text("at")

    def test_a_lost_service_leaves_what_is_shown(self, pages: Pages) -> None:
        pages.allow("ERR_INTERNET_DISCONNECTED")
        page = pages.open("/ui/jobs/stock-import")
        expect(page.locator(ROWS)).to_have_count(3)
        page.context.set_offline(True)
        expect(page.locator(".banner")).to_be_visible()
        expect(page.locator(ROWS)).to_have_count(3)
        page.context.set_offline(False)
        expect(page.locator(".banner")).to_be_hidden()
        expect(page.locator(ROWS)).to_have_count(3)


class TestActs:
    def test_pause_undo_and_resume(self, pages: Pages, own: Service) -> None:
        page = pages.open("/ui/jobs/a", service=own)
        page.get_by_role("button", name="Pause").click()
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("button", name="Pause")).to_be_disabled()
        expect(dialog.get_by_label(re.compile("Until"))).to_have_value(re.compile(r"^\d{4}-\d\d-\d\dT09:00$"))
        pages.check_accessibility(page)
        dialog.get_by_label(re.compile("Reason")).fill("棚卸し")
        page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)
        expect(page.locator(".remarks q")).to_have_text("棚卸し")
        expect(page.locator(f"{CELLS}.today")).to_have_attribute("title", re.compile("paused"))
        pause = own.job("a")["pause"]
        assert "T09:00:00" in pause["until"]
        page.get_by_role("button", name="Undo").click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        assert own.job("a")["pause"] is None

    def test_resume_is_done_at_once_and_can_be_undone(self, pages: Pages, own: Service) -> None:
        own.post("/api/v1/jobs/a/pause", json={"by": "ada", "reason": "棚卸し"})
        page = pages.open("/ui/jobs/a", service=own)
        page.get_by_role("button", name="Resume", exact=True).click()
        expect(page.get_by_role("button", name="Pause")).to_be_visible()
        page.get_by_role("button", name="Undo").click()
        expect(page.locator(".remarks q")).to_have_text("棚卸し")

    def test_catching_up_says_how_many(self, pages: Pages, own: Service, target: Target) -> None:
        own.create(job_id="s", target_url=target.url("/s"), interval={"seconds": 2})
        own.post("/api/v1/jobs/s/pause", json={"by": "ada", "reason": "x"})
        own.until(lambda: sum(row["slot_count"] for row in own.executions("s") if row["reason"] == "paused") >= 2)
        page = pages.open("/ui/jobs/s", service=own)
        page.get_by_role("button", name="Resume and catch up").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("1 slot of the paused time will run.")
        dialog.get_by_label("Slots of the paused time").select_option("all")
        expect(dialog).to_contain_text(re.compile(r"\d+ slots of the paused time will run\."))
        pages.check_accessibility(page)
        dialog.get_by_role("button", name="Resume").click()
        expect(dialog).to_have_count(0)
        own.wait_for_log(lambda line: line["message"] == "job resumed" and line.get("catchup") == "all")

    def test_a_paused_job_runs_anyway(self, pages: Pages, own: Service) -> None:
        own.post("/api/v1/jobs/a/pause", json={"by": "ada", "reason": "x"})
        page = pages.open("/ui/jobs/a", service=own)
        page.get_by_role("button", name="Run now").click()
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("It is paused: it runs anyway")
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        assert own.executions("a") == []
        page.get_by_role("button", name="Run now").click()
        dialog.get_by_role("button", name="Run now").click()
        expect(page.locator(ROWS)).to_have_count(1)
        expect(page.locator(ROWS).first).to_contain_text("manual")

    def test_a_run_that_waits(self, pages: Pages, own: Service, target: Target) -> None:
        target.answers("/a", Silence())
        own.trigger("a")
        page = pages.open("/ui/jobs/a", service=own)
        page.get_by_role("button", name="Run now").click()
        page.get_by_role("dialog").get_by_role("button", name="Run now").click()
        expect(page.locator(".notice")).to_contain_text("The run waits for the one in progress")
        expect(page.locator(".remarks")).to_contain_text("waits for the one in progress")

    def test_deleting_takes_the_id(self, pages: Pages, own: Service) -> None:
        page = pages.open("/ui/jobs/a", service=own)
        page.get_by_role("button", name="Delete").click()
        dialog = page.get_by_role("dialog")
        submit = dialog.get_by_role("button", name="Delete")
        expect(submit).to_be_disabled()
        dialog.get_by_label("Type a to confirm").fill("b")
        expect(submit).to_be_disabled()
        dialog.get_by_label("Type a to confirm").fill("a")
        submit.click()
        expect(page).to_have_url(re.compile("/ui/jobs$"))
        assert own.get("/api/v1/jobs/a").status_code == 404

    def test_a_refusal_is_shown_in_the_dialog(self, pages: Pages, own: Service) -> None:
        pages.allow("status of 40[49]")
        page = pages.open("/ui/jobs/a", service=own)
        page.get_by_role("button", name="Run now").click()
        own.request("DELETE", "/api/v1/jobs/a")
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Run now").click()
        expect(dialog.get_by_role("alert")).to_contain_text("there is no job")
        expect(page.locator(".job-title")).to_contain_text("removed")
        expect(dialog).to_be_visible()

    def test_a_viewer_sees_why_not(self, pages: Pages, start: Callable[..., Service], target: Target) -> None:
        service = start(has_jobs=False, MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
        service.authorize("s3cret")
        service.create(job_id="a", target_url=target.url("/a"), interval={"hours": 1})
        viewer = token(service, "vi", "viewer")
        page = pages.open("/ui/jobs/a", service=service, token=viewer)
        for name, role in (("Run now", "operator"), ("Pause", "operator"), ("Delete", "editor")):
            button = page.get_by_role("button", name=name)
            expect(button).to_have_attribute("aria-disabled", "true")
            expect(button).to_have_attribute("title", f"Needs the role {role}")
            button.click(force=True)  # it looks disabled, and may be reached nevertheless
            expect(page.get_by_role("dialog")).to_have_count(0)


SCHEDULES: list[tuple[dict[str, Any], str]] = [
    ({"cron": "0 9 * * mon-fri"}, "毎週月〜金曜日の09:00"),
    ({"cron": ["0 9 * * 1-5", "30 17 * * 6"]}, "毎週月〜金曜日の09:00、および毎週土曜日の17:30"),
    ({"cron": "0 * * * *"}, "毎時0分"),
    ({"cron": "*/5 * * * *"}, "5分ごと"),
    ({"cron": "0 9-17 * * *"}, "9〜17時の毎時0分"),
    ({"cron": "* * * * *"}, "毎分"),
    ({"cron": "15 2 1,15 * *"}, "毎月1日・15日の02:15"),
    ({"cron": "0 9 L * *"}, "毎月月末日の09:00"),
    ({"cron": "0 9 * 4 *"}, "4月の毎日09:00"),
    ({"cron": "0 9 * * fri#2"}, "第2金曜日の09:00"),
    ({"interval": {"hours": 6}}, "6時間ごと(最初の登録から数える)"),
    ({"run_at": "2027-01-01T09:00:00+09:00"}, "2027/01/01 09:00(金)に1回"),
    (
        {"cron": "0 9 * * *", "calendar": {"country": "JP", "only": "business_days"}},
        "毎日09:00、土日と祝日(JP)は除く",
    ),
    (
        {"cron": "*/15 * * * *", "blackout": [{"cron": "0 22 * * *", "duration": "PT8H"}]},
        "15分ごと、毎日22:00から8時間は停止",
    ),
    (
        {"interval": {"months": 1}, "clock": "wall", "anchor": "2026-01-31T09:00"},
        "1か月ごとの31日 09:00(2026/01/31 09:00から数える、短い月は月末日)",
    ),
]


def test_schedules_in_japanese(pages: Pages) -> None:
    parts = [schedule_parts(spec("a", **fields), zone="Asia/Tokyo") for fields, _ in SCHEDULES]
    page = pages.open("/ui/jobs/launch", locale="ja-JP")
    expect(page.locator(".words")).to_have_text("2100/01/01 00:00(金)に1回")
    found = page.evaluate(
        """async (all) => {
          const app = document.querySelector("script[type=module]").src;
          const { scheduleInJapanese } = await import(new URL("ja-schedule.js", app).href);
          return all.map(scheduleInJapanese);
        }""",
        parts,
    )
    assert found == [words for _, words in SCHEDULES]
