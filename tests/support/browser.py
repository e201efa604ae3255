"""Pages of the dashboard in Debian's Chromium, for tests.

    def test_a_job_is_found(pages: Pages) -> None:
        page = pages.open("/ui/jobs", width=375, is_dark=True, locale="ja-JP")
        page.get_by_role("searchbox").fill("請求")
        expect(page.get_by_role("row")).to_have_count(2)
        pages.check_accessibility(page)
        pages.shoot(page, "jobs-phone")

Each page has a context of its own, so no cookies or storage of another one. When the test is over, every request has to
have gone to this machine, and nothing may stand in the console: neither errors nor violations of the policy.
`WEB_SHOTS=folder` keeps the pictures that tests take.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect, sync_playwright

from benchmarks.chromium import CHROMIUM, FLAGS
from tests.support.patience import PATIENCE
from tests.support.recording import Recording
from tests.support.service import Service

SHOTS = "WEB_SHOTS"
WAIT_SEC = PATIENCE
"""How long a page may take."""
LEAST_TEXT = 20
"""Characters. A page that shows less has no content that rules could be checked on."""
_HERE = frozenset({"127.0.0.1", "localhost"})
_VISIBLE = """() => {
  const shown = (element) => element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
  const place = document.querySelector("main") ?? document.body;
  return shown(place) ? place.innerText.trim() : "";
}"""


class Pages:
    """Opens pages of a service, and remembers what went wrong on them."""

    def __init__(self, browser: Browser, service: Service) -> None:
        self.service = service
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self._allowed: list[re.Pattern[str]] = []
        self.complaints: list[str] = []
        """Errors of the console and of scripts, and requests to other hosts."""

    def open(
        self,
        path: str = "/ui/",
        *,
        service: Service | None = None,
        token: str | None = None,
        width: int = 1280,
        height: int = 800,
        is_dark: bool = False,
        locale: str = "en-GB",
        zone: str = "Asia/Tokyo",
        moves: bool = False,
        scale: float = 1.0,
        recording: str | None = None,
        **options: Any,
    ) -> Page:
        """A new page in a context of its own, once it has loaded everything that it loads at first.

        With `token`, it has signed in. With `recording`, the API's answers and the time are those of the file of this
        name (see `tests/support/recording.py`). `moves` is whether animations run, `scale` the device's pixels per CSS
        pixel; `options` are those of Playwright's `new_context`.
        """
        page = self.blank(
            service=service,
            viewport={"width": width, "height": height},
            color_scheme="dark" if is_dark else "light",
            locale=locale,
            timezone_id=zone,
            reduced_motion="no-preference" if moves else "reduce",
            device_scale_factor=scale,
            **options,
        )
        if token is not None:
            self.sign_in(page, token, service=service)
        if recording is not None:
            Recording(recording).play(page, self.complaints)
        page.goto(path)
        page.wait_for_load_state("networkidle")
        return page

    def blank(self, *, service: Service | None = None, **options: Any) -> Page:
        """A page in a context of its own, before it goes anywhere; `options` are those of `new_context`."""
        context = self._browser.new_context(base_url=(service or self.service).url, **options)
        context.set_default_timeout(WAIT_SEC * 1000)
        self._contexts.append(context)
        context.route(lambda url: urlsplit(url).hostname not in _HERE, self._refuse)
        context.on("page", self._watch)
        return context.new_page()

    def sign_in(self, page: Page, token: str, *, service: Service | None = None) -> None:
        """Get the cookie of a session, as the page for it does."""
        root = (service or self.service).root_path
        answer = page.context.request.post(f"{root}/api/v1/session", data={"token": token})
        assert answer.ok, answer.text()

    def allow(self, pattern: str) -> None:
        """Don't count what matches as a complaint, such as the console's line about an answer of 409."""
        self._allowed.append(re.compile(pattern))

    def check_accessibility(self, page: Page, *, rules: dict[str, Any] | None = None) -> None:
        """No rule of axe is broken, on a page that shows something: axe finds nothing to say of an empty one.

        `rules` are the options of `axe.run`.
        """
        text = page.evaluate(_VISIBLE)
        assert len(text) >= LEAST_TEXT, f"the page shows only {text!r}"
        found = Axe().run(page, options=rules or {"resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()

    def shoot(self, page: Page, name: str, *, whole: bool = False) -> bytes:
        """A picture as PNG, of what is seen or of the whole page. `WEB_SHOTS=folder` keeps it as `folder/name.png`."""
        page.evaluate("() => document.fonts.ready")
        picture = page.screenshot(full_page=whole, animations="disabled", caret="hide")
        if folder := os.environ.get(SHOTS):
            path = Path(folder, f"{name}.png")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture)
        return picture

    def close(self) -> None:
        """Raises `AssertionError` if there are complaints that were not allowed."""
        for context in self._contexts:
            context.close()
        left = [one for one in self.complaints if not any(allowed.search(one) for allowed in self._allowed)]
        assert not left, "\n".join(left)

    def _refuse(self, route: Route) -> None:
        self.complaints.append(f"a request to {route.request.url}")
        route.abort()

    def _watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(f"an exception on {page.url}: {error}"))
        page.on(
            "console",
            lambda line: (
                self.complaints.append(f"the console of {page.url}: {line.text} ({line.location.get('url')})")
                if line.type in {"error", "warning", "assert"}
                else None
            ),
        )
        page.on("crash", lambda _: self.complaints.append(f"a crash of {page.url}"))


class Chromium:
    """A browser that has no data of an earlier one, for all tests of a process.

    Playwright marks its loop as running for as long as it is there, so that no other test of the process could run a
    loop of its own: outside of `at_work` the mark is gone.
    """

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self._loop = asyncio._get_running_loop()

    @contextmanager
    def at_work(self) -> Iterator[Browser]:
        asyncio._set_running_loop(self._loop)
        try:
            yield self.browser
        finally:
            asyncio._set_running_loop(None)


@contextmanager
def chromium() -> Iterator[Chromium]:
    """Start the browser of the machine, and end it."""
    expect.set_options(timeout=WAIT_SEC * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, chromium_sandbox=False)
        one = Chromium(browser)
        try:
            asyncio._set_running_loop(None)
            yield one
        finally:
            with one.at_work():
                browser.close()
            asyncio._set_running_loop(one._loop)
    asyncio._set_running_loop(None)
