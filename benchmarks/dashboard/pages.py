"""The pages: how soon there is something to see, how large they are, and what they load."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

import aiohttp

from benchmarks.dashboard.setting import RUNNING_JOB, Sizes
from benchmarks.dashboard.viewer import LOCALES, Load, Shown, Viewer
from benchmarks.lists import TOKEN
from benchmarks.service import Service

JOBS = Shown("Jobs", "/jobs", "document.querySelectorAll('.rows [role=row]').length > 9")
NOW = Shown("Now", "/", "document.querySelector('.page.now .stats')")
_JOB = """document.querySelector(".history tbody tr") && document.querySelector(".calendar .day:not(.unknown)")
  && document.querySelector(".job-when .lines time")"""
"""The history, the calendar and the next runs."""


def pages_of(sizes: Sizes, execution_id: str) -> list[Shown]:
    """All pages."""
    return [
        NOW,
        JOBS,
        Shown("Job, longest history", f"/jobs/{sizes.long_job}", _JOB),
        Shown("Job that runs", f"/jobs/{RUNNING_JOB}", _JOB),
        Shown("Executions", "/executions", "document.querySelector('.ledger tbody tr')"),
        Shown("Execution", f"/executions/{execution_id}", "document.querySelector('main .facts')"),
        Shown("Source", "/source", "document.querySelector('.source .files .file')"),
        Shown("Forecast", "/forecast", "document.querySelector('main svg') && document.querySelector('main tbody tr')"),
        Shown("Plan", "/plan", "document.querySelector('main textarea')"),
        Shown("Audit", "/audit", "document.querySelector('main tbody tr')"),
    ]


async def newest_execution(service: Service) -> str:
    """The id of an execution that has ended."""
    url = f"{service.url}/api/v1/executions?limit=1&status=completed"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as session,
        session.get(url) as answer,
    ):
        found = await answer.json()
    return str(found["executions"][0]["execution_id"])


@dataclass(frozen=True, slots=True)
class PageFigures:
    """Of one page; times in seconds, of several loads."""

    paint: float
    paint_worst: float
    content: float
    content_worst: float
    nodes: int
    bytes_by_language: dict[str, int]


async def page_figures(
    viewer: Viewer, pages: list[Shown], loads: int, progress: Callable[[str], None]
) -> tuple[dict[str, PageFigures], dict[str, int]]:
    """The figures of each page by its name; and by language, the bytes of all scripts and styles that they load."""
    found = dict[str, PageFigures]()
    files: dict[str, dict[str, int]] = {language: {} for language in LOCALES}
    for shown in pages:
        progress(shown.name)
        first = {language: await viewer.load(shown, locale) for language, locale in LOCALES.items()}
        again = [await viewer.load(shown) for _ in range(loads)]
        found[shown.name] = _figures(again, first)
        for language, load in first.items():
            files[language] |= load.files
    return found, {language: sum(sizes.values()) for language, sizes in files.items()}


def _figures(loads: list[Load], of_language: dict[str, Load]) -> PageFigures:
    paints, contents = [one.paint_sec for one in loads], [one.content_sec for one in loads]
    return PageFigures(
        statistics.median(paints),
        max(paints),
        statistics.median(contents),
        max(contents),
        max(one.nodes for one in (*loads, *of_language.values())),
        {language: sum(load.files.values()) for language, load in of_language.items()},
    )
