"""Two people at work at once: each sees what the other did, and neither loses what was begun."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import Pages
from tests.support.fleet import token
from tests.support.service import Service, manifest

URL = "http://127.0.0.1:9/x"
JOBS = 40
FEW = "\n---\n".join(manifest(f"job-{number}", URL) for number in range(1, 4))


@pytest.fixture
def shared(pages: Pages, start: Callable[..., Service]) -> Service:
    """A service that asks for tokens, with forty jobs of the API."""
    service = start(has_jobs=False, MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
    service.authorize("s3cret")
    pages.service = service
    return service


@pytest.fixture
def job(shared: Service) -> str:
    return shared.create(job_id="report", target_url=URL, interval={"hours": 1})


def enter(pages: Pages, path: str, name: str, role: str) -> Page:
    return pages.open(path, token=token(pages.service, name, role))


def begin_a_pause(page: Page, reason: str) -> Locator:
    page.get_by_role("button", name="Pause", exact=True).click()
    page.get_by_label("Reason").fill(reason)
    return page.get_by_role("dialog")


def test_a_pause_is_seen_behind_the_dialog_for_another(pages: Pages, shared: Service, job: str) -> None:
    ada, bob = (enter(pages, f"/ui/jobs/{job}", name, "operator") for name in ("ada", "bob"))
    of_bob = begin_a_pause(bob, "half a senten")
    begin_a_pause(ada, "棚卸し").get_by_role("button", name="Pause").click()
    expect(ada.locator(".remarks q")).to_have_text("棚卸し")
    expect(bob.locator(".remarks q")).to_have_text("棚卸し")
    expect(of_bob).to_be_visible()
    expect(bob.get_by_label("Reason")).to_be_focused()
    expect(bob.get_by_label("Reason")).to_have_value("half a senten")
    bob.keyboard.press("Enter")
    expect(of_bob).to_have_count(0)
    assert bob.evaluate("() => document.activeElement !== document.body")  # the button for pausing is gone
    pause = shared.job(job)["pause"]
    for page in (ada, bob):
        expect(page.locator(".remarks")).to_contain_text(f"by {pause['by']}")
        expect(page.locator(".remarks q")).to_have_text(pause["reason"])


def test_the_list_of_another_stays_where_it_is(pages: Pages, shared: Service) -> None:
    for number in range(JOBS):
        shared.create(job_id=f"job-{number:02}", target_url=URL, interval={"hours": 1})
    viewer = enter(pages, "/ui/jobs?q=job", "vi", "viewer")
    link = viewer.locator("[data-key=job-20] a")
    expect(viewer.get_by_text("40 of 40 jobs")).to_be_visible()
    viewer.locator(".list").evaluate("(list) => { list.scrollTop = 20 * 48 - 200; }")
    link.focus()
    before = viewer.locator(".list").evaluate("(list) => list.scrollTop")
    operator = enter(pages, "/ui/jobs/job-19", "ada", "operator")
    begin_a_pause(operator, "x").get_by_role("button", name="Pause").click()
    expect(viewer.locator("[data-key=job-19]")).to_contain_text("paused")
    assert shared.delete("/api/v1/jobs/job-21").is_success
    expect(viewer.get_by_text("39 of 39 jobs")).to_be_visible()
    expect(link).to_be_focused()
    expect(viewer.get_by_role("searchbox")).to_have_value("job")
    assert viewer.locator(".list").evaluate("(list) => list.scrollTop") == before


def test_a_change_leaves_what_another_types(pages: Pages, shared: Service, job: str) -> None:
    viewer = enter(pages, f"/ui/jobs/{job}", "vi", "viewer")
    viewer.set_viewport_size({"width": 900, "height": 500})
    asked = viewer.get_by_label("Time in")
    asked.fill("2026-11-30T09:00:30")
    asked.focus()
    before = viewer.evaluate("() => scrollY")
    fields = {"job_id": job, "target_url": URL, "interval": {"hours": 2}}
    assert shared.put(f"/api/v1/jobs/{job}", json=fields).is_success
    expect(viewer.locator(".words")).to_contain_text("every 2 hours")
    expect(viewer.locator(".field-diff")).to_contain_text("interval.hours")
    expect(asked).to_have_value("2026-11-30T09:00:30")
    expect(asked).to_be_focused()
    assert viewer.evaluate("() => scrollY") == before > 0


def test_a_deletion_is_approved_once(pages: Pages, shared: Service) -> None:
    pages.allow("status of 409")
    path = shared.write("few.yaml", FEW)
    shared.until(lambda: shared.get("/api/v1/jobs/job-3").is_success and shared.sync()["last_applied_revision"])
    path.unlink()
    shared.until(lambda: shared.sync()["blocked_deletion"])
    ada, bob = (enter(pages, "/ui/source", name, "admin") for name in ("ada", "bob"))
    for page in (ada, bob):
        page.get_by_role("button", name="Approve the deletion…").click()
        expect(page.get_by_role("dialog", name="Delete 3 jobs?")).to_be_visible()
    ada.get_by_role("dialog").get_by_role("button", name="Delete 3 jobs").click()
    expect(ada.get_by_text("3 jobs deleted")).to_be_visible()
    expect(bob.get_by_role("button", name="Approve the deletion…")).to_be_hidden()
    of_bob = bob.get_by_role("dialog", name="Delete 3 jobs?")
    expect(of_bob).to_be_visible()
    of_bob.get_by_role("button", name="Delete 3 jobs").click()
    expect(bob.get_by_text("No deletion waits for approval any more.")).to_be_visible()
    expect(bob.get_by_role("dialog")).to_have_count(0)
    approved = shared.get("/api/v1/audit?action=approved").json()["entries"]
    assert [entry["actor"] for entry in approved] == ["ada"]


def test_a_token_is_revoked_while_a_dialog_is_open(pages: Pages, shared: Service, job: str) -> None:
    pages.allow("status of 401")
    page = enter(pages, f"/ui/jobs/{job}", "ada", "operator")
    begun = begin_a_pause(page, "棚卸し")
    assert shared.delete("/api/v1/tokens/ada").is_success
    above = page.get_by_role("dialog", name="Sign in")
    expect(above.get_by_label("Token")).to_be_focused()
    page.keyboard.press("Escape")
    expect(above).to_be_visible()
    above.get_by_label("Token").fill(token(shared, "bob", "operator"))
    page.keyboard.press("Enter")
    expect(above).to_have_count(0)
    expect(page.get_by_label("Reason")).to_have_value("棚卸し")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Enter")
    expect(begun).to_have_count(0)
    expect(page.locator(".remarks")).to_contain_text(re.compile("by bob.*棚卸し"))
    assert shared.job(job)["pause"]["by"] == "bob"
