"""Where the pieces of a page are, kept as files and compared: what of a picture also holds with other fonts.

Another build of the browser draws letters otherwise, and other fonts break lines elsewhere. The columns of a page, and
what is below or beside what, stay: that is compared on every machine.
"""

import json
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.support.pictures import FOLDER, expect_picture

MOST_PX = 3
"""How far a piece may be from its place, and how much wider or narrower it may be."""
_BOXES = """() => {
  const pieces = "header.top, main, .bar, .panel, figure, .list, .line, .stat, .job-top, h1, h2, main table, tbody tr";
  return [...document.querySelectorAll(pieces)].filter((one) => one.checkVisibility()).map((one) => {
    const { left, top, width } = one.getBoundingClientRect();
    const isText = one.matches("h1, h2");
    const kind = (one.getAttribute("class") ?? "").split(" ")[0] || one.localName;
    const name = isText ? one.textContent.slice(0, 40) : kind;
    return { name, left: Math.round(left), top: Math.round(top), width: isText ? null : Math.round(width) };
  });
}"""
_LETTERS = """() => {
  const brush = document.createElement("canvas").getContext("2d");
  return ["system-ui", "monospace", '"VL Gothic"'].map((family) => {
    brush.font = `14px ${family}`;
    return brush.measureText("MyScheduler 0123 月末請求処理").width;
  });
}"""


def expect_screen(page: Page, picture: bytes, name: str, folder: Path = FOLDER) -> None:
    """The page is laid out as `name`.layout.json says and, if it is drawn as there, looks like `name`.png."""
    browser = page.context.browser
    drawn = {"browser": browser.version if browser else "", "letters": page.evaluate(_LETTERS)}
    found = {"drawn": drawn, "boxes": page.evaluate(_BOXES)}
    path = folder / f"{name}.layout.json"
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = ",\n".join(json.dumps(box, ensure_ascii=False) for box in found["boxes"])
        path.write_text(f'{{"drawn": {json.dumps(drawn)}, "boxes": [\n{lines}\n]}}\n', encoding="utf-8")
    assert path.exists(), f"{path} is missing: GOLDEN=write makes it"
    kept = json.loads(path.read_text("utf-8"))
    if said := moved(kept["boxes"], found["boxes"]):
        raise AssertionError("\n".join([f"{path} is not how the page is laid out:", *said]))
    if kept["drawn"] == drawn:
        expect_picture(name, picture, folder)


def moved(kept: list[dict[str, Any]], found: list[dict[str, Any]]) -> list[str]:
    """What is missing, was added, or is elsewhere than it was."""
    names = [[box["name"] for box in boxes] for boxes in (kept, found)]
    if names[0] != names[1]:
        return [f"there were {names[0]}, and there are {names[1]}"]
    said = []
    for old, new in zip(kept, found, strict=True):
        said += [
            f"{old['name']}: {side} was {old[side]}, and is {new[side]}"
            for side in ("left", "width")
            if old[side] is not None and abs(old[side] - new[side]) > MOST_PX
        ]
    for (before, old), (above, new) in zip(pairwise(kept), pairwise(found), strict=True):
        if _direction(before, old) != _direction(above, new):
            said.append(f"{old['name']}: where it is, seen from {before['name']}, has changed")
    return said


def _direction(one: dict[str, Any], other: dict[str, Any]) -> int:
    """1 if the other one is further down, -1 if it is further up, 0 if they are about level."""
    down = other["top"] - one["top"]
    return 0 if abs(down) <= 2 * MOST_PX else 1 if down > 0 else -1
