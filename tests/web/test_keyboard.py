"""A day's work without a mouse: from signing in to the history, and where the focus is after each step."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.support.browser import Pages
from tests.support.fleet import token
from tests.support.service import Service
from tests.support.target import Answer, Target

MOST_TABS = 60
NAMED = """() => {
  const one = document.activeElement;
  return (one.getAttribute("aria-label") ?? one.textContent).trim();
}"""


@pytest.fixture
def target() -> Iterator[Target]:
    with Target() as one:
        yield one


@pytest.fixture
def service(pages: Pages, start: Callable[..., Service], target: Target) -> Service:
    """A service that asks for tokens, with three jobs; one has failed and then gone well."""
    service = start(has_jobs=False, MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
    service.authorize("s3cret")
    pages.service = service
    for job_id in ("billing", "report", "stock"):
        service.create(job_id=job_id, target_url=target.url(f"/{job_id}"), interval={"hours": 6})
    target.answers("/report", Answer(500, b""))
    service.trigger("report")
    service.until(lambda: service.executions("report")[0]["status"] == "failed")
    target.answers("/report", Answer(200, b'{"rows": 3}'))
    return service


def tab_to(page: Page, control: Locator, key: str = "Tab") -> list[str]:
    """Press Tab until the control has the focus; returns the names of what had it on the way."""
    passed: list[str] = []
    for _ in range(MOST_TABS):
        page.keyboard.press(key)
        if control.evaluate("(one) => one === document.activeElement"):
            return passed
        passed.append(page.evaluate(NAMED))
    raise AssertionError(f"not reached: {control}; passed: {passed}")


def test_a_whole_task(pages: Pages, service: Service) -> None:
    pages.allow("status of 401")
    page = pages.open("/ui/jobs", service=service)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    _sign_in(page, token(service, "ada", "operator"))
    _find_the_job(page)
    _pause_and_resume(page, service)
    _run_it(page, service)
    _copy_the_request(page)
    _look_at_the_history(page)


def _sign_in(page: Page, given: str) -> None:
    expect(page.get_by_label("Token")).to_be_focused()
    page.keyboard.type(given)
    page.keyboard.press("Enter")
    expect(page.get_by_text("3 of 3 jobs")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()


def _find_the_job(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("RE")
    expect(page.locator(".rows [role=row]")).to_have_count(1)
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    expect(page.locator("[data-key=report] a")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("report")
    expect(page.get_by_role("main")).to_be_focused()


def _pause_and_resume(page: Page, service: Service) -> None:
    pause = page.get_by_role("button", name="Pause", exact=True)
    assert tab_to(page, pause) == ["Run now"]
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(pause).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.type("stocktaking")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    resume = page.get_by_role("button", name="Resume", exact=True)
    expect(resume).to_be_focused()
    assert service.job("report")["pause"]["reason"] == "stocktaking"
    page.keyboard.press("Enter")
    expect(pause).to_be_focused()
    assert service.job("report")["pause"] is None


def _run_it(page: Page, service: Service) -> None:
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Run now")).to_be_focused()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Run report now?")
    tab_to(page, dialog.get_by_role("button", name="Run now"))
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Run now")).to_be_focused()
    newer = page.get_by_role("button", name="Show 1 newer")
    expect(newer).to_be_visible()
    passed = tab_to(page, newer)
    assert [name for name in passed if name in {"Pause", "Ask"}] == ["Pause", "Ask"]
    page.keyboard.press("Enter")
    rows = page.locator("table.ledger tbody tr")
    expect(rows.first).to_contain_text("completed")
    assert len(tab_to(page, rows.first.get_by_role("link").first)) <= 1
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/executions/[0-9a-f-]{36}$"))
    expect(page.get_by_role("main")).to_be_focused()
    assert len(service.executions("report")) == 2


def _copy_the_request(page: Page) -> None:
    tab_to(page, page.get_by_role("button", name="Copy", exact=True))
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    copied = page.evaluate("() => navigator.clipboard.readText()")
    assert copied.startswith("curl -X GET 'http://127.0.0.1:")
    assert copied == page.locator("pre").last.inner_text()


def _look_at_the_history(page: Page) -> None:
    tab_to(page, page.get_by_role("link", name="Executions", exact=True), "Shift+Tab")
    page.keyboard.press("Enter")
    rows = page.locator("table.ledger tbody tr")
    expect(rows).to_have_count(2)
    expect(page.get_by_role("main")).to_be_focused()
    state = page.get_by_label("State")
    assert tab_to(page, state) == ["Job id"]
    page.keyboard.type("f")  # a browser that is slow between two letters takes the second as the first of another
    expect(page).to_have_url(re.compile(r"\?status=failed$"))
    expect(rows).to_have_count(1)
    expect(state).to_be_focused()
    page.go_back()
    expect(rows).to_have_count(2)
    page.go_back()
    expect(page.get_by_role("heading", name="Attempts")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()


def test_the_menu(pages: Pages) -> None:
    page = pages.open("/ui/")
    menu = page.get_by_label("Settings")
    menu.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Language")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Language")).to_be_hidden()
    expect(menu).to_be_focused()
