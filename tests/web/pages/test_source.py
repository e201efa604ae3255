"""The page of the source: what is applied, problems in their lines, and deletions that wait for a person."""

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from tests.support.browser import Pages
from tests.support.fleet import token
from tests.support.service import Service, manifest

FILE = ".file"
CODE = ".code"
URL = "http://127.0.0.1:9/x"
FEW = "\n---\n".join(manifest(f"job-{number}", URL) for number in range(1, 4))
WIDE = "job_id: 請求\ntarget_url: http://127.0.0.1:9/x\nlabels: {チーム: 請求, x: [1]}\ninterval: {hours: 1}\n"


@pytest.fixture
def blocked(start: Callable[..., Service]) -> Service:
    """A service whose only manifest has gone, so that the deletion of its three jobs waits."""
    service = start(has_jobs=False)
    path = service.write("few.yaml", FEW)
    service.until(lambda: service.sync()["last_applied_revision"] and service.get("/api/v1/jobs/job-3").is_success)
    path.unlink()
    service.until(lambda: service.sync()["blocked_deletion"])
    return service


class TestProblems:
    def test_a_problem_is_shown_in_its_lines(self, pages: Pages) -> None:
        page = pages.open("/ui/source")
        expect(page.get_by_text("Some manifests have problems.")).to_be_visible()
        expect(page.get_by_text("Stalled: yes")).to_be_visible()
        held = page.locator(FILE).filter(has_text="held.yaml")
        expect(held.locator(".code-line.at .text")).to_have_text("interval: {minuets: 5}\n", use_inner_text=False)
        expect(held.locator("mark")).to_have_text("minuets")
        expect(held.get_by_text("did you mean 'minutes'?")).to_be_visible()
        expect(held.get_by_text("unknown-key")).to_be_visible()
        expect(held.get_by_role("group", name="held.yaml, lines 1 to 3")).to_be_visible()

    def test_the_caret_is_below_wide_characters(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start(has_jobs=False)
        service.write("wide.yaml", WIDE)
        page = pages.open("/ui/source", service=service, locale="ja-JP")
        expect(page.locator("mark")).to_have_text("[")
        at = page.locator("mark").bounding_box()
        caret = page.locator(".code-line.caret .text").bounding_box()
        ghost = page.locator(".ghost").bounding_box()
        assert at
        assert caret
        assert ghost
        assert abs(at["x"] - (ghost["x"] + ghost["width"])) < 1
        assert caret["y"] > at["y"]

    def test_a_file_that_is_no_manifest(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start(has_jobs=False)
        service.write("policy.yaml", "nonsense: 1\n")
        service.write("notes.yml.bak", "job_id: a\n")
        page = pages.open("/ui/source", service=service)
        policy = page.locator(FILE).filter(has_text="policy.yaml")
        expect(policy.locator("mark").first).to_have_text("nonsense")
        expect(policy.locator("> summary")).to_contain_text("error")

    def test_in_japanese(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start(has_jobs=False)
        service.write("a.yaml", "job_id: a\ntarget_url: ftp://x\ncron: '1 2 3'\nlabels: {team: 1}\nnames: x\n")
        service.write("b.yaml", "job_id: b\ntarget_url: http://x\ncron: '0 9 * * *'\ninterval: {hours: 1}\n")
        service.write("policy.yaml", "max_retries: many\n")
        service.until(lambda: service.sync()["problem_count"] >= 6)
        page = pages.open("/ui/source", service=service, locale="ja-JP")
        for words in (
            "http:// か https:// で始める", "の項目は3個: 必要なのは", "文字列にする: 引用符で囲む", "不明なキー names",
            "cron、interval、run_at のどれか一つだけを書く", "以下の整数にする", "正しいポリシーが一度もない",
        ):  # fmt: skip
            expect(page.get_by_text(words).first).to_be_visible()
        shown = page.locator(".problems li > p").all_inner_texts()
        assert shown
        assert [text for text in shown if not re.search("[ぁ-ん]", text)] == []
        page.locator(".rule summary").first.click()
        expect(page.get_by_text("対処:")).to_be_visible()
        pages.check_accessibility(page)
        pages.shoot(page, "source-problems-ja", whole=True)

    def test_the_filter_is_in_the_url(self, pages: Pages) -> None:
        page = pages.open("/ui/source")
        expect(page.locator(FILE)).to_have_count(2)
        page.get_by_label("Only with problems").check()
        expect(page).to_have_url(re.compile(r"\?files=problems$"))
        expect(page.locator(FILE)).to_have_count(1)
        page.reload()
        expect(page.locator(FILE)).to_have_count(1)
        page.get_by_role("searchbox").fill("FLEET")
        expect(page.get_by_text("No file matches")).to_be_visible()
        page.get_by_role("button", name="Clear filters").click()
        expect(page.locator(FILE)).to_have_count(2)
        page.go_back()
        expect(page.get_by_label("Only with problems")).to_be_checked()

    def test_many_files_come_a_hundred_at_a_time(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start(has_jobs=False)
        for number in range(250):
            text = manifest(f"j{number:03}", URL)
            service.write(f"f{number:03}.yaml", text + ("wrong: 1\n" if number >= 200 else ""))
        service.until(lambda: len(service.get("/api/v1/sync/files").json()["files"]) == 250)
        page = pages.open("/ui/source", service=service)
        expect(page.get_by_text("250 of 250 files, 50 with problems")).to_be_visible()
        expect(page.locator(FILE)).to_have_count(100)
        expect(page.locator(CODE)).to_have_count(0)
        expect(page.locator(FILE).first).to_contain_text("f200.yaml")
        page.get_by_role("button", name="Show more files").click()
        expect(page.locator(FILE)).to_have_count(200)
        page.locator("summary").filter(has_text="f201.yaml").focus()
        page.keyboard.press("Enter")
        expect(page.locator(CODE)).to_have_count(1)
        expect(page.get_by_role("group", name="f201.yaml, lines 1 to 4")).to_be_visible()

    def test_what_changes_is_patched(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start(has_jobs=False)
        service.write("a.yaml", manifest("a", URL) + "wrong: 1\n")
        service.write("b.yaml", manifest("b", URL))
        page = pages.open("/ui/source", service=service)
        expect(page.locator(CODE)).to_have_count(1)
        page.get_by_role("searchbox").fill("yaml")
        page.locator(CODE).evaluate("(node) => { node.dataset.kept = 'yes'; }")
        service.write("b.yaml", manifest("b", URL) + "also: 1\n")
        expect(page.locator(FILE).filter(has_text="b.yaml")).to_contain_text("1 problem")
        expect(page.locator(f"{CODE}[data-kept]")).to_have_count(1)
        expect(page.get_by_role("searchbox")).to_be_focused()
        service.write("a.yaml", "# moved\n" + manifest("a", URL) + "wrong: 1\n")
        expect(page.get_by_role("group", name="a.yaml, lines 2 to 5")).to_be_visible()
        service.write("a.yaml", manifest("a", URL))
        service.write("b.yaml", manifest("b", URL))
        expect(page.get_by_text("Everything in the source is applied.")).to_be_visible()
        expect(page.locator(CODE)).to_have_count(0)

    def test_lines_that_are_gone(self, pages: Pages, start: Callable[..., Service]) -> None:
        pages.allow("status of 404")
        service = start(has_jobs=False)
        service.write("a.yaml", manifest("a", URL) + "wrong: 1\n")
        service.until(lambda: service.sync()["problems"])
        page = pages.blank(service=service)
        page.route("**/sync/lines?**", lambda route: route.fulfill(status=404, json={"detail": "no file"}))
        page.goto("/ui/source")
        expect(page.get_by_text("the last pass did not read this file")).to_be_visible()


class TestBlockedDeletion:
    def test_it_is_approved_by_its_digest(self, pages: Pages, blocked: Service) -> None:
        page = pages.open("/ui/source", service=blocked)
        digest = blocked.sync()["blocked_deletion"]["digest"]
        expect(page.get_by_text("If you restore the files instead")).to_be_visible()
        pages.check_accessibility(page)
        page.get_by_role("button", name="Approve the deletion…").click()
        dialog = page.get_by_role("dialog", name="Delete 3 jobs?")
        expect(dialog.get_by_role("listitem")).to_have_text(["job-1", "job-2", "job-3"])
        expect(dialog).to_contain_text(digest)
        pages.check_accessibility(page)
        pages.shoot(page, "source-approve")
        dialog.get_by_role("button", name="Cancel").click()
        expect(dialog).to_have_count(0)
        assert blocked.get("/api/v1/jobs/job-1").status_code == 200
        page.get_by_role("button", name="Approve the deletion…").click()
        dialog.get_by_role("button", name="Delete 3 jobs").click()
        expect(page.get_by_text("3 jobs deleted")).to_be_visible()
        expect(page.get_by_role("button", name="Approve the deletion…")).to_be_hidden()
        expect(page.get_by_text("Everything in the source is applied.")).to_be_visible()
        assert blocked.get("/api/v1/jobs").json()["jobs"] == []

    def test_another_one_is_asked_for_anew(self, pages: Pages, blocked: Service) -> None:
        """What the dialog shows is what is approved, also if the source changes while it is open."""
        pages.allow("status of 409")
        page = pages.open("/ui/source", service=blocked)
        page.get_by_role("button", name="Approve the deletion…").click()
        dialog = page.get_by_role("dialog", name="Delete 3 jobs?")
        expect(dialog).to_be_visible()
        blocked.write("few.yaml", FEW.split("\n---\n")[1] + "protect: true\n")
        blocked.until(lambda: blocked.sync()["blocked_deletion"] is None)
        for job_id in ("job-1", "job-3"):
            assert blocked.get(f"/api/v1/jobs/{job_id}").status_code == 404
        blocked.write("few.yaml", "# nothing\n")
        blocked.until(lambda: blocked.sync()["blocked_deletion"])
        expect(dialog).to_be_visible()
        dialog.get_by_role("button", name="Delete 3 jobs").click()
        again = page.get_by_role("dialog", name="Delete 1 job?")
        expect(again.get_by_role("alert").filter(has_text="has changed in the meantime")).to_be_visible()
        expect(again.get_by_role("listitem")).to_have_text(["job-2"])
        assert blocked.get("/api/v1/jobs/job-2").status_code == 200
        again.get_by_role("button", name="Delete 1 job").click()
        expect(page.get_by_text("1 job deleted")).to_be_visible()

    def test_one_that_does_not_wait_any_more(self, pages: Pages, blocked: Service) -> None:
        pages.allow("status of 409")
        page = pages.open("/ui/source", service=blocked)
        page.get_by_role("button", name="Approve the deletion…").click()
        blocked.write("few.yaml", FEW)
        blocked.until(lambda: blocked.sync()["blocked_deletion"] is None)
        page.get_by_role("dialog").get_by_role("button", name="Delete 3 jobs").click()
        expect(page.get_by_text("No deletion waits for approval any more.")).to_be_visible()
        expect(page.get_by_role("dialog")).to_have_count(0)

    def test_the_reason_in_japanese(self, pages: Pages, blocked: Service) -> None:
        def with_code(route: Route) -> None:
            answer = route.fetch()
            state = answer.json()
            said = {"code": "its-only-job", "params": {}, "text": "its only job"}
            state["blocked_deletion"]["reason_coded"] = {"code": "source-empty", "params": {"what": said}, "text": ""}
            route.fulfill(response=answer, body=json.dumps(state))

        page = pages.blank(service=blocked, locale="ja-JP", viewport={"width": 375, "height": 800})
        page.route("**/api/v1/sync", with_code)
        page.goto("/ui/source")
        expect(page.get_by_text("マニフェストが空になっており、唯一のジョブが削除される")).to_be_visible()
        page.get_by_role("button", name="削除を承認…").click()
        expect(page.get_by_role("dialog", name="3件のジョブを削除しますか?")).to_be_visible()
        pages.check_accessibility(page)


class TestTheSource:
    def test_a_folder_that_is_away(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start(has_jobs=False)
        service.write("a.yaml", manifest("a", URL) + "wrong: 1\n")
        service.until(lambda: service.sync()["problems"])
        page = pages.open("/ui/source", service=service)
        expect(page.locator(CODE)).to_have_count(1)
        service.jobs_dir.rename(service.folder / "away")
        expect(page.get_by_text("The source can't be read.")).to_be_visible()
        expect(page.get_by_text("does not exist")).to_be_visible()
        expect(page.locator(CODE)).to_have_count(1)
        (service.folder / "away").rename(service.jobs_dir)
        expect(page.get_by_text("Some manifests have problems.")).to_be_visible()

    def test_sync_now(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start(has_jobs=False)
        service.jobs_dir.mkdir()
        service.until(lambda: service.sync()["condition"] == "Ready")
        page = pages.open("/ui/source", service=service)
        expect(page.get_by_text("No manifests yet")).to_be_visible()
        pages.check_accessibility(page)
        page.get_by_role("button", name="Sync now").click()
        expect(page.get_by_role("status").filter(has_text="Everything in the source is applied.")).to_be_visible()
        service.write("a.yaml", manifest("a", URL))
        expect(page.locator(FILE).filter(has_text="a.yaml")).to_contain_text("1 job")

    def test_what_a_pass_did_and_the_revisions(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start(has_jobs=False)
        service.write("a.yaml", manifest("a", URL))
        service.until(lambda: service.get("/api/v1/jobs/a").is_success)
        page = pages.open("/ui/source", service=service)
        expect(page.get_by_role("row").filter(has_text="applied")).to_have_count(1)
        page.route("**/api/v1/sync", _with_created)
        page.reload()
        page.locator("summary", has_text="created: 150").click()
        expect(page.get_by_role("link", name="job-099")).to_be_visible()
        expect(page.get_by_text("and 50 more")).to_be_visible()

    def test_drift(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start()
        assert service.post("/api/v1/jobs/cache-warmer/pause", json={"by": "ada", "reason": "棚卸し"}).is_success
        page = pages.open("/ui/source", service=service)
        drift = page.get_by_role("listitem").filter(has=page.get_by_role("link", name="cache-warmer"))
        expect(drift).to_contain_text("fleet.yaml:")
        expect(drift).to_contain_text("棚卸し")

    def test_a_viewer_sees_problems_without_lines(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start(MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
        pages.service = service
        page = pages.open("/ui/source", service=service, token=token(service, "eve", "viewer"))
        expect(page.get_by_text("did you mean 'minutes'?")).to_be_visible()
        expect(page.get_by_text("The lines are shown to editors of all jobs only")).to_be_visible()
        expect(page.locator(CODE)).to_have_count(0)
        expect(page.get_by_role("button", name="Sync now")).to_have_attribute("title", "Needs the role operator")

    def test_an_admin_of_some_jobs_may_not_approve(self, pages: Pages, start: Callable[..., Service]) -> None:
        service = start(has_jobs=False, MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
        service.authorize("s3cret")
        path = service.write("few.yaml", FEW)
        service.until(lambda: service.get("/api/v1/jobs/job-3").is_success)
        path.write_text("wrong: [", encoding="utf-8")
        service.until(lambda: service.sync()["problems"])
        path.unlink()
        service.until(lambda: service.sync()["blocked_deletion"])
        pages.service = service
        page = pages.open("/ui/source", service=service, token=token(service, "bob", "admin", ids=["job-*"]))
        button = page.get_by_role("button", name="Approve the deletion…")
        expect(button).to_have_attribute("title", "Needs the role admin for all jobs")
        button.click(force=True)
        expect(page.get_by_role("dialog")).to_have_count(0)

    def test_a_lost_service_leaves_the_page(self, pages: Pages) -> None:
        pages.allow("ERR_CONNECTION_REFUSED")
        page = pages.open("/ui/source")
        expect(page.locator(FILE)).to_have_count(2)
        page.route("**/api/v1/**", lambda route: route.abort("connectionrefused"))
        expect(page.get_by_text("The service does not answer.")).to_be_visible()
        expect(page.locator(FILE)).to_have_count(2)
        page.get_by_role("button", name="Sync now").click()
        expect(page.get_by_text("Nothing is known to have been done")).to_be_visible()


def _with_created(route: Route) -> None:
    answer = route.fetch()
    state = answer.json()
    state["created"] = [f"job-{number:03}" for number in range(100)]
    state["counts"]["created"] = 150
    route.fulfill(response=answer, body=json.dumps(state))


def test_a_deletion_of_an_earlier_pass_is_not_offered(pages: Pages, blocked: Service) -> None:
    blocked.jobs_dir.rename(blocked.folder / "elsewhere")
    blocked.until(lambda: blocked.sync()["reason"] == "SourceUnavailable")
    page = pages.open("/ui/source", service=blocked)
    expect(page.get_by_text("It can be approved once a pass succeeds again.")).to_be_visible()
    expect(page.get_by_role("button", name="Approve the deletion")).to_have_count(0)
    japanese = pages.open("/ui/source", service=blocked, locale="ja-JP")
    expect(japanese.get_by_text("がない: フォルダーを作るか")).to_be_visible()
