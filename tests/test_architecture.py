"""The picture of the architecture is that of the real imports, and every room says what lives in it."""

import ast
import re
from pathlib import Path

import grimp
import pytest

from tests.support.checkout import ROOT

PAGE = (ROOT / "docs/architecture.md").read_text("utf-8")
PACKAGE = ROOT / "myscheduler"
GROUND = {"__main__", "errors", "log", "machine", "messages", "settings"} | {
    f"core.{name}" for name in ("bounds", "caching", "header_values", "quick", "reason")
}
"""What nearly everything uses is left out of the picture."""
SPLIT = ("adapters", "core", "service")
LONGEST_MODULE = 400
ROOMS = sorted(path.parent for path in PACKAGE.rglob("__init__.py") if "migrations" not in path.parts)


def _room(module: str) -> str | None:
    """`myscheduler.core.job.spec` is in `core.job`, `myscheduler.api.door.tokens` in `api`."""
    parts = module.split(".")[1:]
    if not parts or (parts[0] in SPLIT and len(parts) < 2):
        return None
    room = ".".join(parts[:2]) if parts[0] in SPLIT else parts[0]
    return None if room in GROUND else room


def _imports() -> set[tuple[str, str]]:
    graph = grimp.build_graph("myscheduler")
    found = {
        (_room(one), _room(other)) for one in graph.modules for other in graph.find_modules_directly_imported_by(one)
    }
    return {(one, other) for one, other in found if one and other and one != other}


def _reached(start: str, edges: set[tuple[str, str]]) -> set[str]:
    seen, left = set[str](), [start]
    while left:
        room = left.pop()
        new = {other for one, other in edges if one == room} - seen
        seen |= new
        left += new
    return seen


def _drawn() -> set[tuple[str, str]]:
    (picture,) = re.findall(r"^```mermaid\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^ *([\w.]+) --> ([\w.]+)$", picture, re.MULTILINE))


def test_the_picture_is_that_of_the_imports() -> None:
    """Without arrows that follow from others: a way leads down from a room to each one that it imports from."""
    edges = _imports()
    needed = {edge for edge in edges if edge[1] not in _reached(edge[0], edges - {edge})}
    assert _drawn() == needed


@pytest.mark.parametrize("room", ROOMS, ids=[str(room.relative_to(PACKAGE)) for room in ROOMS])
def test_a_room_says_what_lives_in_it(room: Path) -> None:
    said = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    assert len(said) > 60, "what lives here, and what may be imported from it"


@pytest.mark.parametrize("name", sorted(set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", PAGE))))
def test_modules_that_are_named_exist(name: str) -> None:
    assert (PACKAGE / name).exists() or (PACKAGE / "adapters" / name).exists() or (ROOT / name).exists()


def test_modules_are_short() -> None:
    lengths = {
        str(path.relative_to(PACKAGE)): len(path.read_text("utf-8").splitlines()) for path in PACKAGE.rglob("*.py")
    }
    assert {name: length for name, length in lengths.items() if length > LONGEST_MODULE} == {}
