"""Opens pages in Chromium, each with nothing kept from another, and measures how they load."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.errors import BenchmarkError
from benchmarks.lists import TOKEN, ZONE
from benchmarks.service import Service

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, ViewportSize

LOCALES = {"English": "en-GB", "Japanese": "ja-JP"}
WAIT_SEC = 30.0
SIZE: "ViewportSize" = {"width": 1280, "height": 800}
_WATCH = """(() => {
  const seen = window.seen = { paint: null, content: null };
  new PerformanceObserver((list) => {
    for (const one of list.getEntriesByName("first-contentful-paint")) seen.paint = one.startTime;
  }).observe({ type: "paint", buffered: true });
  const look = () => {
    if (%s) seen.content = performance.now();
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();"""
"""Looks in each frame whether the content is in the document. Times are milliseconds since the navigation began."""
_FILES = """() => Object.fromEntries(performance.getEntriesByType("resource")
  .filter((one) => /\\.(js|css)$/.test(one.name))
  .map((one) => [new URL(one.name).pathname, one.decodedBodySize]))"""


async def wait_for(page: "Page", expression: str, what: str) -> None:
    """Raises `BenchmarkError` if the expression is not true in time; `what` is what is waited for."""
    from playwright.async_api import TimeoutError as PlaywrightTimeoutError  # noqa: PLC0415 - see `missing`

    try:
        await page.wait_for_function(f"() => {expression}")
    except PlaywrightTimeoutError as error:
        raise BenchmarkError(f"{what} did not come within {WAIT_SEC:.0f} s") from error


@dataclass(frozen=True, slots=True)
class Shown:
    """A page of the dashboard."""

    name: str
    path: str
    """Below `/ui`."""
    is_there: str
    """An expression of JavaScript that is true once its content is in the document."""


@dataclass(frozen=True, slots=True)
class Load:
    """One load of a page, with an empty cache."""

    paint_sec: float
    """Until the first contentful paint."""
    content_sec: float
    nodes: int
    files: dict[str, int]
    """The bytes of scripts and styles by path, uncompressed."""


class Viewer:
    """Somebody who has signed in."""

    def __init__(self, browser: "Browser", service: Service) -> None:
        self._browser = browser
        self._service = service

    @asynccontextmanager
    async def blank(self, locale: str = "en-GB") -> AsyncIterator["Page"]:
        """A page in a context of its own, which is visible, before it goes anywhere."""
        context = await self._browser.new_context(
            base_url=self._service.url, locale=locale, timezone_id=ZONE, viewport=SIZE
        )
        try:
            context.set_default_timeout(WAIT_SEC * 1000)
            answer = await context.request.post("/api/v1/session", data={"token": TOKEN})
            if not answer.ok:
                raise BenchmarkError(f"signing in: {answer.status} {await answer.text()}")
            yield await context.new_page()
        finally:
            await context.close()

    @asynccontextmanager
    async def opened(self, shown: Shown, locale: str = "en-GB") -> AsyncIterator["Page"]:
        """A page whose content is there."""
        async with self.blank(locale) as page:
            await page.add_init_script(_WATCH % shown.is_there)
            await page.goto(f"/ui{shown.path}", wait_until="commit")
            await wait_for(
                page, "window.seen.content !== null && window.seen.paint !== null", f"the content of {shown.name}"
            )
            yield page

    async def load(self, shown: Shown, locale: str = "en-GB") -> Load:
        async with self.opened(shown, locale) as page:
            seen = await page.evaluate("() => window.seen")
            await page.wait_for_load_state("networkidle")
            nodes = await page.evaluate("() => document.querySelectorAll('*').length")
            return Load(seen["paint"] / 1000, seen["content"] / 1000, nodes, await page.evaluate(_FILES))
