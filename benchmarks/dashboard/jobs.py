"""The list of jobs: when it can be used, how soon a key has its effect, and whether scrolling stutters."""

import asyncio
import time
import unicodedata
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import aiohttp

from benchmarks.dashboard.pages import JOBS
from benchmarks.dashboard.setting import Sizes
from benchmarks.dashboard.viewer import Viewer, wait_for
from benchmarks.errors import BenchmarkError
from benchmarks.lists import TOKEN
from benchmarks.service import Service

if TYPE_CHECKING:
    from playwright.async_api import Page

TYPED = ("job-0042", "nightly", "tier=2", "team=search", "host-7.")
"""Filters, each typed key by key and then removed key by key."""
NO_MATCH = "~"
BETWEEN_KEYS_SEC = 0.15
"""A fast typist. Strips of results of rows that were not seen before are read meanwhile."""
WHEEL_PX = 1_500
LONGEST_SCROLL_SEC = 120.0
_ALL_THERE = "Number(document.querySelector('.list').getAttribute('aria-rowcount')) === %d"
_WATCH_KEYS = """() => {
  window.keys = [];
  addEventListener("keydown", (event) => {
    const shown = () => [...document.querySelectorAll(".rows [role=row]")];
    const isDone = () => {
      const list = document.querySelector(".list");
      const count = list.hidden ? 0 : Number(list.getAttribute("aria-rowcount")) - 1;
      return count === window.expected && shown().length <= count && (count === 0) === (shown().length === 0);
    };
    const look = () => {
      const now = performance.now();
      if (isDone()) window.keys.push([now - event.timeStamp, now, shown().map((row) => row.dataset.key)]);
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(() => requestAnimationFrame(look));
  }, true);
}"""
"""The second frame after a key begins when the first one, with the filtered rows, was handed over to be shown."""
_WATCH_FRAMES = """() => {
  window.gaps = [];
  let last = performance.now();
  const step = (now) => {
    window.gaps.push(now - last);
    last = now;
    requestAnimationFrame(step);
  };
  requestAnimationFrame(step);
}"""
_IS_AT_END = """() => {
  const list = document.querySelector(".list");
  return list.scrollTop + list.clientHeight >= list.scrollHeight - 1;
}"""


async def usable(viewer: Viewer) -> tuple[float, float]:
    """Seconds until the first rows are there, and until a key that was pressed then had its effect.

    The second one includes the time that the driver takes to see the rows and to press the key.
    """
    async with viewer.opened(JOBS) as page:
        rows = await page.evaluate("() => window.seen.content")
        await page.evaluate(_WATCH_KEYS)
        await page.focus("input[type=search]")
        return rows / 1000, (await _press(page, NO_MATCH, 0)).at_sec


class Key(NamedTuple):
    """A key that was pressed: the seconds until its effect was seen, when that was, and the jobs that are shown."""

    took_sec: float
    at_sec: float
    shown: list[str]


async def _press(page: "Page", key: str, expected: int) -> Key:
    """Press a key after which so many jobs match."""
    await page.evaluate("(count) => { window.expected = count; window.keys = []; }", expected)
    await page.keyboard.press(key)
    await wait_for(page, "window.keys.length", f"the {expected:,} rows after the key {key}")
    took, at, shown = await page.evaluate("() => window.keys[0]")
    return Key(took / 1000, at / 1000, shown)


async def keystrokes(viewer: Viewer, service: Service, sizes: Sizes) -> list[float]:
    """For each key, the seconds until the second frame after it, in which the rows that match are shown, and no others.

    Raises `BenchmarkError` if others are shown.
    """
    texts = await _texts(service)
    taken = []
    async with _complete(viewer, sizes) as page:
        await page.evaluate(_WATCH_KEYS)
        await page.focus("input[type=search]")
        for key, text in _keys():
            matching = {job_id for job_id, one in texts.items() if text in one}
            await asyncio.sleep(BETWEEN_KEYS_SEC)
            pressed = await _press(page, key, len(matching))
            if not matching.issuperset(pressed.shown):
                raise BenchmarkError(f"{text!r} does not match {sorted(set(pressed.shown) - matching)}")
            taken.append(pressed.took_sec)
    return taken


def _keys() -> Iterator[tuple[str, str]]:
    """Keys, each with what the filter is after it."""
    for text in TYPED:
        for length in range(1, len(text) + 1):
            yield text[length - 1], text[:length]
        for length in reversed(range(len(text))):
            yield "Backspace", text[:length]


async def _texts(service: Service) -> dict[str, str]:
    """By job, the text that filters look in, read from the list of all jobs."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as session, session.get(f"{service.url}/api/v1/jobs") as answer:
        jobs = (await answer.json())["jobs"]
    return {job["job_id"]: _text(job) for job in jobs}


def _text(job: dict[str, Any]) -> str:
    labels = (f"{name}={value}" for name, value in job["labels"].items())
    parts = (job["job_id"], job["name"], job["target_url"], *labels)
    return unicodedata.normalize("NFKC", "\n".join(parts)).lower()


@asynccontextmanager
async def _complete(viewer: Viewer, sizes: Sizes) -> AsyncIterator["Page"]:
    """The page with all jobs."""
    async with viewer.opened(JOBS) as page:
        await wait_for(page, _ALL_THERE % (sizes.listed + 1), f"the last of {sizes.listed:,} jobs")
        yield page


async def complete(viewer: Viewer, sizes: Sizes) -> float:
    """Seconds until all jobs are there. They are read while the page is used already."""
    async with _complete(viewer, sizes) as page:
        return float(await page.evaluate("() => performance.now()")) / 1000


async def scrolling(viewer: Viewer, sizes: Sizes) -> list[float]:
    """The seconds between the frames while the whole list is scrolled with a wheel."""
    async with _complete(viewer, sizes) as page:
        await page.mouse.move(640, 400)
        await page.evaluate(_WATCH_FRAMES)
        begin = time.monotonic()
        while not await page.evaluate(_IS_AT_END):
            if time.monotonic() - begin > LONGEST_SCROLL_SEC:
                raise BenchmarkError("the list does not scroll to its end")
            await page.mouse.wheel(0, WHEEL_PX)
        return [gap / 1000 for gap in await page.evaluate("() => window.gaps.slice(1)")]
