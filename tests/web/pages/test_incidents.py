"""Which jobs are in trouble, since which change, who was told, and who takes care: lists of incidents, and one."""

import json
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.support.browser import Pages
from tests.support.fleet import FAILING, token
from tests.support.service import Service, manifest
from tests.support.target import Answer, Target
from tests.support.work_tree import git

ROWS = "table.incidents tbody tr"
NOTIFICATIONS = """\
channels:
  ops: {kind: slack, url: "${secret:ops}"}
default: {channels: [ops]}
"""
GUARDED = {"MYSCHEDULER_API_TOKEN": "s3cret", "MYSCHEDULER_API_TOKEN_ROLE": "admin"}
TOLD_AFTER_MS = 120_000
"""The first message waits half a minute for others."""


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as one:
        yield one


@pytest.fixture
def service(pages: Pages, start: Callable[..., Service], target: Target) -> Service:
    """A service that asks for tokens, with a job that fails."""
    service = start(has_jobs=False, **GUARDED)
    service.authorize("s3cret")
    pages.service = service
    target.answers("/report", Answer(500, b""))
    service.create(job_id="report", name="日次レポート", target_url=target.url("/report"), interval={"hours": 6})
    fail(service, "report")
    return service


def fail(service: Service, job_id: str) -> str:
    """Run a job whose target fails; the id of its incident."""
    service.trigger(job_id)
    service.until(lambda: service.job(job_id)["incidents"])
    return str(service.job(job_id)["incidents"][0]["incident_id"])


class TestList:
    def test_who_is_in_trouble(self, pages: Pages) -> None:
        page = pages.open("/ui/incidents")
        expect(page.locator(ROWS)).to_have_count(len(FAILING))
        row = page.locator(ROWS).filter(has_text="stock-import")
        expect(row).to_contain_text("answered 503")
        expect(row).to_contain_text("× 3")
        expect(row).to_contain_text("Nobody takes care of it")
        row.get_by_role("link").first.click()
        expect(page).to_have_url(re.compile(r"/ui/incidents/[0-9a-f-]{36}$"))
        expect(page.get_by_role("heading", level=1)).to_contain_text("stock-import")

    def test_filters_are_in_the_url_and_survive_back(self, pages: Pages) -> None:
        page = pages.open("/ui/incidents")
        page.get_by_label("Job id").fill("slow-sync")
        page.get_by_label("Job id").press("Enter")
        expect(page.locator(ROWS)).to_have_count(1)
        page.get_by_label("State").select_option("Acknowledged")
        expect(page).to_have_url(re.compile(r"\?job=slow-sync&state=acknowledged$"))
        expect(page.get_by_text("Nothing matches")).to_be_visible()
        page.go_back()
        expect(page.locator(ROWS)).to_have_count(1)
        expect(page.get_by_label("State")).to_have_value("")
        page.go_back()
        expect(page.locator(ROWS)).to_have_count(len(FAILING))
        page.get_by_label("Kind").select_option("late")
        expect(page).to_have_url(re.compile(r"\?kind=late$"))
        page.get_by_role("button", name="Clear filters").click()
        expect(page.locator(ROWS)).to_have_count(len(FAILING))

    def test_a_state_that_there_is_not_is_no_filter(self, pages: Pages) -> None:
        page = pages.open("/ui/incidents?state=odd")
        expect(page.locator(ROWS)).to_have_count(len(FAILING))
        expect(page.get_by_label("State")).to_have_value("")

    def test_nobody_is_in_trouble(self, pages: Pages, start: Callable[..., Service]) -> None:
        page = pages.open("/ui/incidents", service=start(has_jobs=False))
        expect(page.get_by_text("Nothing is in trouble")).to_be_visible()
        page.get_by_role("link", name="Incidents that are over").click()
        expect(page).to_have_url(re.compile(r"\?state=over$"))
        expect(page.get_by_text("Nothing matches")).to_be_visible()

    def test_what_ends_stays_where_it_is_until_it_is_read_again(
        self, pages: Pages, service: Service, target: Target
    ) -> None:
        service.create(job_id="stock", target_url=target.url("/report"), interval={"hours": 6})
        fail(service, "stock")
        page = pages.open("/ui/incidents", token=token(service, "ada", "viewer"))
        row = page.locator(ROWS).filter(has_text="report")
        expect(row).to_contain_text("failing")
        target.answers("/report", Answer(200))
        service.trigger("report")
        expect(row).to_contain_text("recovered")
        expect(page.locator(ROWS)).to_have_count(2)
        page.reload()
        expect(page.locator(ROWS)).to_have_count(1)
        page.get_by_label("State").select_option("Over")
        expect(row).to_contain_text("recovered")
        expect(page.locator(ROWS)).to_have_count(1)

    def test_a_new_one_waits_for_a_click(self, pages: Pages, service: Service, target: Target) -> None:
        page = pages.open("/ui/incidents", token=token(service, "ada", "viewer"))
        expect(page.locator(ROWS)).to_have_count(1)
        service.create(job_id="stock", target_url=target.url("/report"), interval={"hours": 6})
        fail(service, "stock")
        page.get_by_role("button", name="Show 1 newer").click()
        expect(page.locator(ROWS)).to_have_count(2)


class TestOne:
    def test_no_such_incident(self, pages: Pages) -> None:
        pages.allow("status of 404")
        page = pages.open("/ui/incidents/019ae0c4-6a4e-7c3a-9d5e-2f6b8c1d4e7f")
        expect(page.get_by_role("main")).to_contain_text("there is no incident")

    def test_it_ends_while_it_is_looked_at(self, pages: Pages, service: Service, target: Target) -> None:
        incident = service.job("report")["incidents"][0]["incident_id"]
        page = pages.open(f"/ui/incidents/{incident}", token=token(service, "ada", "operator"))
        expect(page.get_by_role("button", name="Acknowledge…")).to_be_visible()
        expect(page.get_by_text("It is not known what changed")).to_be_visible()
        expect(page.get_by_text("Nobody was told")).to_be_visible()
        target.answers("/report", Answer(200))
        service.trigger("report")
        expect(page.locator(".facts").first).to_contain_text("recovered")
        expect(page.get_by_role("button", name="Acknowledge…")).to_have_count(0)

    def test_of_a_late_job(self, pages: Pages) -> None:
        page = pages.blank(locale="en-GB", timezone_id="Asia/Tokyo")
        page.route("**/api/v1/incidents/*", make_late)
        page.route("**/api/v1/jobs/stock-import", make_late)
        page.goto(f"/ui/incidents/{pages.service.job('stock-import')['incidents'][0]['incident_id']}")
        expect(page.locator(".bar .badge")).to_have_text("late")
        expect(page.get_by_text("Since which change does it fail?")).to_have_count(0)
        page.goto("/ui/jobs/stock-import")
        expect(page.locator(".remarks")).to_contain_text("A run should have been over by")


def make_late(route: Route) -> None:
    """Answer as if the job were late, for which a real one would need minutes."""
    answer = route.fetch()
    found = answer.json()
    for one in found.get("incidents", [found]):
        one.update(kind="late", failures=0, first_execution_id=None, last_execution_id=None, error_message=None)
    route.fulfill(response=answer, body=json.dumps(found))


class TestTakingCare:
    def test_two_at_work(self, pages: Pages, service: Service) -> None:
        """An operator takes care until tomorrow; a viewer sees it without doing anything, and may not do it."""
        incident = service.job("report")["incidents"][0]["incident_id"]
        path = f"/ui/incidents/{incident}"
        ada = pages.open(path, token=token(service, "ada", "operator"))
        eve = pages.open(path, token=token(service, "eve", "viewer"))
        refused = eve.get_by_role("button", name="Acknowledge…")
        expect(refused).to_have_attribute("aria-disabled", "true")
        expect(refused).to_have_attribute("title", "Needs the role operator")
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        acknowledge(ada, f"{tomorrow:%Y-%m-%dT09:00}")
        for page in (ada, eve):
            expect(page.locator(".facts").first).to_contain_text("ada takes care of it until")
        expect(eve.get_by_role("button", name="Withdraw…")).to_have_attribute("aria-disabled", "true")
        kept = service.job("report")["incidents"][0]["acknowledged"]
        assert (kept["by"], kept["until"][:16]) == ("ada", f"{tomorrow:%Y-%m-%dT09:00}")
        ada.get_by_role("button", name="Withdraw…").click()
        dialog = ada.get_by_role("dialog", name="Withdraw the acknowledgement of 日次レポート?")
        dialog.get_by_role("button", name="Withdraw").click()
        expect(dialog).to_have_count(0)
        for page in (ada, eve):
            expect(page.locator(".facts").first).to_contain_text("Nobody takes care of it")
        assert service.job("report")["incidents"][0]["acknowledged"] is None

    def test_on_the_page_of_the_job_and_by_keyboard(self, pages: Pages, service: Service) -> None:
        page = pages.open("/ui/jobs/report", token=token(service, "ada", "operator"))
        remarks = page.locator(".remarks")
        expect(remarks).to_contain_text("Nobody takes care of it")
        button = remarks.get_by_role("button", name="Acknowledge…")
        button.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Acknowledge the incident of 日次レポート?")
        expect(dialog.get_by_label(re.compile("^Until"))).to_be_focused()
        page.keyboard.press("Escape")
        expect(button).to_be_focused()
        page.keyboard.press("Enter")
        page.keyboard.press("Enter")
        expect(dialog).to_have_count(0)
        expect(remarks).to_contain_text("ada takes care of it")
        expect(remarks.get_by_role("button", name="Withdraw…")).to_be_focused()
        page.get_by_role("button", name="Undo").click()
        expect(remarks).to_contain_text("Nobody takes care of it")
        remarks.get_by_role("link", name="Incident", exact=True).click()
        expect(page).to_have_url(re.compile(r"/ui/incidents/[0-9a-f-]{36}$"))

    def test_one_that_ended_meanwhile(self, pages: Pages, service: Service, target: Target) -> None:
        pages.allow("status of 409")
        incident = service.job("report")["incidents"][0]["incident_id"]
        page = pages.open(f"/ui/incidents/{incident}", token=token(service, "ada", "operator"))
        page.get_by_role("button", name="Acknowledge…").click()
        target.answers("/report", Answer(200))
        service.trigger("report")
        service.until(lambda: not service.job("report")["incidents"])
        dialog = page.get_by_role("dialog")
        dialog.get_by_role("button", name="Acknowledge").click()
        expect(dialog.get_by_role("alert")).to_contain_text("is over")

    def test_it_is_in_the_audit_trail(self, pages: Pages, service: Service) -> None:
        incident = service.job("report")["incidents"][0]["incident_id"]
        assert service.post(f"/api/v1/incidents/{incident}/acknowledge", json={"by": "ada"}).status_code == 200
        page = pages.open("/ui/audit?action=acknowledged", token=token(service, "ada", "viewer"))
        page.get_by_role("link", name=incident).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("report")


def acknowledge(page: Page, until: str) -> None:
    page.get_by_role("button", name="Acknowledge…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile("^Until")).fill(until)
    dialog.get_by_role("button", name="Acknowledge").click()
    expect(dialog).to_have_count(0)


def applied(service: Service) -> str:
    """The revision that the job is of; empty as long as there is no job."""
    answer = service.get("/api/v1/jobs/report")
    return str(answer.json()["source"]["revision"]) if answer.status_code == 200 else ""


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
class TestFromTheCommitToTheMessage:
    @pytest.fixture
    def released(self, pages: Pages, start: Callable[..., Service], target: Target, tmp_path: Path) -> Service:
        """A job in git that completed, and fails since its target was changed. Messages do not arrive at first."""
        target.answers("/v2", Answer(500))
        target.answers("/hook", Answer(503), Answer(200))
        (tmp_path / "secrets").mkdir()
        (tmp_path / "secrets/ops").write_text(target.url("/hook"), encoding="utf-8")
        secrets = {"MYSCHEDULER_SECRETS_DIR": str(tmp_path / "secrets")}
        service = start(has_jobs=False, **GUARDED, **secrets)
        service.authorize("s3cret")
        pages.service = service
        git(service.folder, "init", "--quiet")
        git(tmp_path, "init", "--quiet")
        (tmp_path / "jobs.d").mkdir()
        (tmp_path / "jobs.d/notifications.yaml").write_text(NOTIFICATIONS, encoding="utf-8")
        for path in ("/v1", "/v2"):
            (tmp_path / "jobs.d/team.yaml").write_text(manifest("report", target.url(path)), encoding="utf-8")
            git(tmp_path, "add", "jobs.d")
            git(tmp_path, "commit", "--quiet", "--message", f"Call {path}")
            commit = git(tmp_path, "rev-parse", "HEAD")
            git(service.folder, "pull", "--quiet", str(tmp_path), "HEAD")
            service.until(lambda commit=commit: commit in applied(service))  # type: ignore[misc]
            service.trigger("report")
            service.until(lambda: all(one["status"] != "running" for one in service.executions("report")))
        service.until(lambda: service.job("report")["incidents"])
        return service

    def test_it(self, pages: Pages, released: Service) -> None:
        incident = released.job("report")["incidents"][0]["incident_id"]
        now = pages.open("/ui/", token=token(released, "ops", "viewer"))
        ada = pages.open(f"/ui/incidents/{incident}", token=token(released, "ada", "admin"))
        eve = pages.open(f"/ui/incidents/{incident}", token=token(released, "eve", "viewer"), locale="ja-JP")
        commit = git(released.folder, "rev-parse", "HEAD")[:12]
        expect(ada.get_by_role("main")).to_contain_text(f"It fails since commit {commit} by Ada. These lines changed:")
        expect(ada.locator(".code-line.old")).to_contain_text("/v1")
        expect(ada.locator(".code-line.new")).to_contain_text("/v2")
        expect(eve.get_by_role("main")).to_contain_text(f"Adaのコミット {commit} から失敗しています。")
        expect(eve.locator(".code-line")).to_have_count(0)
        pages.check_accessibility(ada)
        pages.shoot(ada, "incident-change", whole=True)
        self._told(pages, now, ada)
        ada.get_by_role("link", name="team.yaml").click()
        expect(ada).to_have_url(re.compile(r"/ui/source\?q=team.yaml$"))

    def _told(self, pages: Pages, now: Page, ada: Page) -> None:
        told = ada.get_by_role("region", name="Who was told?")
        expect(told).to_contain_text("ops")
        expect(told.locator(".badge")).to_have_text("waiting")
        trouble = now.locator(".panel").filter(has_text="Notifications")
        expect(trouble).to_contain_text("Messages do not arrive", timeout=TOLD_AFTER_MS)
        expect(trouble).to_contain_text("answered 503")
        pages.check_accessibility(now)
        pages.shoot(now, "now-unheard", whole=True)
        expect(told.locator(".badge")).to_have_text("delivered", timeout=TOLD_AFTER_MS)
        expect(trouble).to_contain_text("Messages arrive")
