"""Seven screens as pictures, with recorded answers and a clock that stands still."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.support.browser import Pages
from tests.support.layout import expect_screen, moved
from tests.support.pictures import FOLDER
from tests.support.routes_shown import SHOWN
from tests.support.service import Service

MOST_BYTES = 100_000
OF_A_MACHINE = re.compile(r"127\.0\.0\.1:\d|localhost|/(?:tmp|home|root|work|var|Users)/")
SCREENS: dict[str, tuple[str, dict[str, Any]]] = {
    "now": ("now", {}),
    "jobs-dark": ("jobs", {"is_dark": True}),
    "job-ja": ("job", {"locale": "ja-JP"}),
    "forecast": ("forecast", {}),
    "source-ja-dark": ("source", {"locale": "ja-JP", "is_dark": True}),
    "chain-ja": ("chain", {"locale": "ja-JP", "height": 1000}),
    "now-ja-phone": ("now", {"locale": "ja-JP", "width": 375, "height": 800}),
}
HEIGHT = 660
CHAIN = re.compile(r'"GET /api/v1(/chains/[0-9a-f-]{36})"')


def screen(pages: Pages, name: str, chained: Service | None = None) -> Page:
    """Opens a screen; one of a chain is of the service with chains, and of the run that is recorded."""
    page_name, options = SCREENS[name]
    recording = FOLDER / f"{name}.json"
    recorded = CHAIN.search(recording.read_text("utf-8")) if recording.exists() else None
    path = f"/ui{recorded[1]}" if recorded else SHOWN[page_name].path(chained or pages.service)
    page = pages.open(path, service=chained, recording=name, **{"height": HEIGHT, **options})
    SHOWN[page_name].wait(page)
    page.wait_for_load_state("networkidle")
    page.mouse.move(0, 0)
    page.evaluate("() => scrollTo(0, 0)")
    return page


@pytest.mark.parametrize("name", SCREENS)
def test_it_looks_as_it_did(pages: Pages, chained: Service, name: str) -> None:
    page = screen(pages, name, chained if SHOWN[SCREENS[name][0]].is_of_chains else None)
    expect_screen(page, pages.shoot(page, f"screen-{name}"), name)


def test_a_panel_that_moved_is_noticed(pages: Pages) -> None:
    page = screen(pages, "now")
    page.locator(".columns.three").evaluate("(one) => { one.style.transform = 'translateX(8px)'; }")
    with pytest.raises(AssertionError, match="panel: left was 20, and is 28"):
        expect_screen(page, page.screenshot(), "now")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([("a", 0, 0, 99), ("b", 0, 50, 99)], ""),
        ([("a", 2, 0, 97), ("b", 0, 90, 99)], ""),
        ([("a", 4, 0, 99), ("b", 0, 50, 99)], "a: left was 0, and is 4"),
        ([("a", 0, 0, 99), ("b", 0, 50, 90)], "b: width was 99, and is 90"),
        ([("a", 0, 50, 99), ("b", 0, 0, 99)], "b: where it is, seen from a, has changed"),
        ([("a", 0, 0, 99), ("b", 0, 0, 99)], "b: where it is, seen from a, has changed"),
        ([("a", 0, 0, 99)], "there were ['a', 'b'], and there are ['a']"),
    ],
    ids=["the same", "with other fonts", "shifted", "narrower", "above", "beside", "gone"],
)
def test_what_is_laid_out_otherwise(found: list[tuple[str, int, int, int]], said: str) -> None:
    kept = boxes([("a", 0, 0, 99), ("b", 0, 50, 99)])
    assert "; ".join(moved(kept, boxes(found))) == said


def boxes(of: list[tuple[str, int, int, int]]) -> list[dict[str, Any]]:
    return [{"name": name, "left": left, "top": top, "width": width} for name, left, top, width in of]


def test_a_colour_that_changed_is_noticed_where_letters_are_the_same(
    pages: Pages, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = screen(pages, "now")
    with monkeypatch.context() as writing:
        writing.setenv("GOLDEN", "write")
        expect_screen(page, page.screenshot(), "here", tmp_path)
    page.locator(".stat").first.evaluate("(one) => { one.style.background = 'tomato'; }")
    with pytest.raises(AssertionError, match="looks different"):
        expect_screen(page, page.screenshot(), "here", tmp_path)
    kept = json.loads((tmp_path / "here.layout.json").read_text("utf-8"))
    kept["drawn"]["browser"] = "1.0"
    (tmp_path / "here.layout.json").write_text(json.dumps(kept), encoding="utf-8")
    expect_screen(page, page.screenshot(), "here", tmp_path)


def test_the_files_are_small_and_of_no_machine() -> None:
    files = sorted(FOLDER.iterdir())
    assert {path.name.split(".")[0] for path in files} == set(SCREENS)
    for path in (path for path in files if ".new." not in path.name):
        assert path.stat().st_size < MOST_BYTES, path
        if path.suffix == ".json":
            assert OF_A_MACHINE.findall(path.read_text("utf-8")) == [], path
