"""The pages of a job that makes no call and expects pings: the same as of any other, without what is about calls."""

import re
from collections.abc import Callable
from hashlib import sha256

import pytest
from playwright.sync_api import expect

from tests.support.browser import Pages
from tests.support.service import Service

KEY = "0b6a2f52-3c1d-4f8e-9b7a-5d4c3b2a1908"
MANIFEST = f"""\
job_id: nightly-backup
name: 夜間バックアップ
cron: "30 2 * * *"
timezone: Asia/Tokyo
ping: {{key_sha256: {sha256(KEY.encode()).hexdigest()}, grace: PT30M}}
labels: {{team: platform}}
"""


@pytest.fixture
def service(pages: Pages, start: Callable[..., Service]) -> Service:
    """A service with a backup elsewhere, which said that it failed."""
    service = start(has_jobs=False)
    pages.service = service
    service.write("backup.yaml", MANIFEST)
    service.until(lambda: service.get("/api/v1/jobs/nightly-backup").status_code == 200)
    assert service.post(f"/ping/{KEY}/start").status_code == 200
    assert service.post(f"/ping/{KEY}/fail", content="disk full\n").status_code == 200
    service.until(lambda: service.job("nightly-backup")["incidents"])
    return service


@pytest.mark.usefixtures("service")
def test_its_page(pages: Pages) -> None:
    page = pages.open("/ui/jobs/nightly-backup")
    expect(page.get_by_role("heading", level=1)).to_have_text("夜間バックアップ")
    expect(page.locator(".words")).to_contain_text("02:30")
    expect(page.locator(".remarks")).to_contain_text("1 failure in a row")
    expect(page.locator(".remarks").get_by_role("button", name="Acknowledge…")).to_be_visible()
    declared = page.locator("pre[aria-label]")
    expect(declared).to_contain_text("grace: PT30M")
    assert not re.search("target_url|method|timeout_sec|max_retries|overlap", declared.inner_text())
    expect(page.locator("table.ledger tbody tr")).to_contain_text("disk full")
    page.get_by_role("button", name="Run now").click()
    expect(page.get_by_role("dialog")).to_contain_text("It makes no call: it expects a ping within its grace.")
    page.keyboard.press("Escape")
    pages.check_accessibility(page)
    pages.shoot(page, "ping-job", whole=True)


@pytest.mark.usefixtures("service")
def test_its_execution_and_its_incident(pages: Pages) -> None:
    page = pages.open("/ui/incidents")
    row = page.locator("table.incidents tbody tr")
    expect(row).to_contain_text("disk full")
    row.get_by_role("link").first.click()
    page.locator(".facts a[href*='/executions/']").click()
    expect(page.get_by_text("What was answered")).to_be_visible()
    expect(page.locator("pre")).to_have_text("disk full")
    expect(page.get_by_text("The request, for a shell")).to_have_count(0)
    pages.check_accessibility(page)
    pages.shoot(page, "ping-execution", whole=True)


def test_the_first_page_names_no_host_of_it(pages: Pages, service: Service) -> None:
    page = pages.open("/ui/", locale="ja-JP")
    trouble = page.locator(".trouble")
    expect(trouble).to_contain_text("nightly-backup")
    expect(trouble).to_contain_text("1回失敗")
    assert service.job("nightly-backup")["ping"]["grace"] == "PT30M"
