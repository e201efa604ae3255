"""Debian's Chromium, as the benchmark of the dashboard and the tests of the dashboard start it."""

import importlib.util
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Browser

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, _NAMES)), None)
"""The browser of the machine; `None` if it has none. The one without a window takes a third of the processor time."""
FLAGS = (
    "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--no-default-browser-check", "--disable-extensions",
    "--font-render-hinting=none", "--disable-lcd-text", "--force-color-profile=srgb",
)  # fmt: skip


def missing() -> str | None:
    """What has to be installed before a page can be opened; `None` if nothing has."""
    if CHROMIUM is None:
        return "there is no Chromium on the PATH: install it (Debian: apt-get install chromium-headless-shell)"
    if importlib.util.find_spec("playwright") is None:
        return "there is no Playwright, which drives Chromium: pip install -r requirements-dev.txt"
    return None


@asynccontextmanager
async def running_chromium() -> AsyncIterator["Browser"]:
    """A browser without data of an earlier one. Call `missing` before."""
    from playwright.async_api import async_playwright  # noqa: PLC0415 - `missing` says it if it is not there

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS, chromium_sandbox=False)
        try:
            yield browser
        finally:
            await browser.close()
