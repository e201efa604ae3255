"""The page of the audit trail: who changed what, as words, fields and links."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import Pages
from tests.support.fleet import MARKUP, token
from tests.support.service import Service

URL = "http://127.0.0.1:9/x"


def rows(page: Page) -> Locator:
    return page.locator(".audit tbody tr")


@pytest.fixture
def changed(start: Callable[..., Service]) -> Service:
    """A service in which one job has been created, changed, paused and deleted by several people."""
    service = start(has_jobs=False)

    def as_user(name: str) -> dict[str, str]:
        return {"by": name}

    fields = {"job_id": "report", "target_url": URL, "interval": {"hours": 1}}
    service.create(**fields)
    changed = fields | {"interval": {"hours": 2}, "headers": {"X-Long": "x" * 300, "Authorization": "Bearer s3cret-9"}}
    assert service.put("/api/v1/jobs/report", json=changed).is_success
    assert service.post("/api/v1/jobs/report/pause", json=as_user("ada") | {"reason": MARKUP}).is_success
    assert service.post("/api/v1/jobs/report/resume", json=as_user("佐藤")).is_success
    service.create(job_id="other", target_url=URL, interval={"hours": 1})
    service.create(job_id="next", target_url=URL, after=[{"job": "other"}])
    assert service.post("/api/v1/jobs/bulk/pause", json={"ids": ["oth*"], "by": "ada"}).is_success
    assert service.delete("/api/v1/jobs/report").is_success
    return service


def test_who_changed_what(pages: Pages, changed: Service) -> None:
    page = pages.open("/ui/audit", service=changed)
    expect(rows(page)).to_have_count(9)
    expect(rows(page).first).to_contain_text("deleted")
    paused = (
        rows(page).filter(has=page.locator("[data-state=paused]")).filter(has=page.get_by_role("link", name="report"))
    )
    expect(paused).to_contain_text(f"Reason: {MARKUP}")
    expect(paused.get_by_role("link", name="report")).to_have_attribute("href", "/ui/jobs/report")
    expect(rows(page).filter(has_text="many jobs paused")).to_contain_text("done 1")
    assert "document.title=1" not in page.title()


def test_the_edges_of_a_change(pages: Pages, changed: Service) -> None:
    page = pages.open("/ui/audit?job=next", service=changed)
    expect(rows(page)).to_contain_text("new: other → next, on success")


def test_the_fields_of_a_change(pages: Pages, changed: Service) -> None:
    page = pages.open("/ui/audit?action=updated", service=changed)
    expect(rows(page)).to_have_count(1)
    page.get_by_text("3 fields").focus()
    page.keyboard.press("Enter")
    table = page.locator("table.diff")
    interval = table.get_by_role("row").filter(has_text="interval.hours")
    expect(interval.get_by_role("cell")).to_have_text(["interval.hours", "1", "2"])
    expect(table).not_to_contain_text("s3cret")
    long = table.get_by_role("row").filter(has_text="X-Long")
    expect(long.get_by_text("x" * 300)).to_be_hidden()
    long.locator("summary").click()
    expect(long.get_by_text("x" * 300)).to_be_visible()
    pages.check_accessibility(page)


def test_manifests_have_file_and_line(pages: Pages) -> None:
    page = pages.open("/ui/audit?job=nightly-billing")
    expect(rows(page)).to_have_count(1)
    expect(rows(page)).to_contain_text("manifest")
    expect(rows(page)).to_contain_text("fleet.yaml:1")


def test_filters_are_in_the_url(pages: Pages, changed: Service) -> None:
    page = pages.open("/ui/audit", service=changed)
    page.get_by_label("Job id").fill("report")
    page.get_by_label("Job id").press("Enter")
    expect(rows(page)).to_have_count(5)
    page.get_by_label("Action").select_option("paused")
    expect(rows(page)).to_have_count(1)
    expect(page).to_have_url(re.compile(r"job=report&action=paused$"))
    page.go_back()
    expect(rows(page)).to_have_count(5)
    expect(page.get_by_label("Action")).to_have_value("")
    page.get_by_role("button", name="佐藤").click()
    expect(rows(page)).to_have_count(1)
    page.reload()
    expect(page.get_by_label("Who, exactly as written")).to_have_value("佐藤")
    page.get_by_label("Action").select_option("created")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
    page.get_by_role("button", name="Clear filters").click()
    expect(rows(page)).to_have_count(9)


def test_in_japanese(pages: Pages, changed: Service) -> None:
    page = pages.open("/ui/audit", service=changed, locale="ja-JP")
    expect(rows(page).first).to_contain_text("削除")
    expect(rows(page).filter(has_text="一括で一時停止")).to_contain_text("実施 1")


def test_older_ones_and_newer_ones(pages: Pages, start: Callable[..., Service]) -> None:
    service = start(has_jobs=False)
    for number in range(60):
        service.create(job_id=f"j{number:02}", target_url=URL, interval={"hours": 1})
    page = pages.open("/ui/audit", service=service)
    expect(rows(page)).to_have_count(50)
    page.get_by_role("button", name="Older").click()
    expect(rows(page)).to_have_count(60)
    expect(page.get_by_role("button", name="Older")).to_be_hidden()
    page.clock.install()
    service.create(job_id="one-more", target_url=URL, interval={"hours": 1})
    page.clock.run_for(15_000)
    service.create(job_id="two-more", target_url=URL, interval={"hours": 1})
    page.clock.run_for(15_000)
    expect(page.get_by_role("button", name=re.compile(r"Show \d newer"))).to_be_visible()
    expect(rows(page)).to_have_count(60)
    page.get_by_role("button", name=re.compile(r"Show \d newer")).click()
    expect(rows(page).filter(has_text="two-more")).to_have_count(1)


def test_without_entries(pages: Pages, start: Callable[..., Service]) -> None:
    page = pages.open("/ui/audit", service=start(has_jobs=False))
    expect(page.get_by_text("Nothing has been changed yet")).to_be_visible()
    pages.check_accessibility(page)


def test_what_fails_is_said(pages: Pages) -> None:
    pages.allow("status of 503")
    page = pages.blank(service=pages.service)
    page.route("**/api/v1/audit?**", lambda route: route.fulfill(status=503, json={"detail": "the database is away"}))
    page.goto("/ui/audit")
    expect(page.get_by_role("alert")).to_have_text("the database is away")


def test_a_viewer_sees_tokens_by_name_only(pages: Pages, start: Callable[..., Service]) -> None:
    service = start(has_jobs=False, MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
    service.authorize("s3cret")
    given = token(service, "eve", "viewer", ids=["a-*"])
    page = pages.open("/ui/audit", service=service, token=given)
    made = rows(page).filter(has_text="token created")
    expect(made).to_contain_text("eve")
    expect(made).not_to_contain_text(given)


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-GB", ["ci", "Role: operator", "For: team=billing | ops", "Valid until: it is revoked"]),
        ("ja-JP", ["ci", "権限: 運用担当者", "範囲: team=billing | ops", "有効期限: なし(失効させるまで)"]),
    ],
)
def test_access_is_told_in_words(pages: Pages, start: Callable[..., Service], locale: str, words: list[str]) -> None:
    service = start(has_jobs=False, MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
    auth = {"Authorization": "Bearer s3cret"}
    scope = {"labels": {"team": ["billing", "ops"]}}
    made = service.post("/api/v1/tokens", json={"name": "ci", "role": "operator", "scope": scope}, headers=auth)
    assert made.is_success, made.text
    admin = service.post("/api/v1/tokens", json={"name": "ada", "role": "admin"}, headers=auth).json()["token"]
    page = pages.open("/ui/audit", service=service, token=admin, locale=locale)
    ci, ada = rows(page).nth(2).locator(".details"), rows(page).nth(1).locator(".details")
    for text in words:
        expect(ci).to_contain_text(text)
    expect(ada).to_contain_text({"en-GB": "For: all jobs", "ja-JP": "範囲: すべてのジョブ"}[locale])
    session = rows(page).first.locator(".details")
    expect(session).to_contain_text({"en-GB": "With: an API token", "ja-JP": "方法: API トークン"}[locale])
    expect(page.locator(".audit code").filter(has_text="{")).to_have_count(0)
    pages.shoot(page, f"audit-access-{locale}")


def test_an_empty_page_is_not_the_end(pages: Pages, changed: Service) -> None:
    """Entries of one actor may be far back: the service gives empty pages then, which lead to others."""
    page = pages.blank(service=changed, locale="en-GB")
    real = json.loads(changed.get("/api/v1/audit?action=paused").text)
    answers: list[dict[str, Any]] = [{"entries": [], "next_cursor": f"c{number}"} for number in range(7)]
    answers += [{"entries": real["entries"], "next_cursor": None}]
    page.route("**/api/v1/audit?*", lambda route: route.fulfill(json=answers.pop(0)))
    page.goto("/ui/audit?actor=ada")
    expect(page.get_by_text("Nothing among the newest ones matches")).to_be_visible()
    page.get_by_role("button", name="Older").click()
    expect(rows(page)).to_have_count(len(real["entries"]))
    expect(page.get_by_text("Nothing among the newest ones matches")).to_be_hidden()
    expect(page.get_by_role("button", name="Older")).to_be_hidden()
