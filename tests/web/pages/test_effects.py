"""Before a job is paused or deleted, its dialog says what that means for the jobs that run after it."""

from collections.abc import Callable

from playwright.sync_api import expect

from tests.support.browser import Pages
from tests.support.service import Service

URL = "http://127.0.0.1:9/x"


def test_the_effects_are_told_first(pages: Pages, start: Callable[..., Service]) -> None:
    service = start(has_jobs=False)
    service.create(job_id="first", target_url=URL, interval={"hours": 1})
    service.create(job_id="second", target_url=URL, after=[{"job": "first"}])
    page = pages.open("/ui/jobs/first", service=service)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("dialog")).to_contain_text("reason upstream-skipped (1): 'second'")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_contain_text("nothing starts any more, except by hand (1): 'second'")
    page = pages.open("/ui/jobs", service=service, locale="ja-JP")
    page.get_by_role("checkbox", name="first").check()
    page.get_by_role("button", name="一時停止").click()
    expect(page.get_by_role("dialog")).to_contain_text("upstream-skipped としてスキップされる後続ジョブ(1件): 'second'")
