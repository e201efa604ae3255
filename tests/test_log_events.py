"""Every line that the service logs has a name, and docs/logs.md lists the names and their fields."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from myscheduler.log_events import EVENTS

ROOT = Path(__file__).parents[1]
METHODS = {"debug", "info", "warning", "error", "critical", "exception", "log", "warn"}
BEGIN, END = "<!-- events -->\n", "<!-- /events -->\n"


def _module(path: Path) -> str:
    parts = path.relative_to(ROOT / "myscheduler").with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            name = ast.unparse(node.func.value)
            if name in {"log", "logger"} or (node.func.attr == "warn" and ast.unparse(node.args[0]) == "log"):
                yield node
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "write" and ast.unparse(node.args[0]) == "log":
            yield node


def _text_of(call: ast.Call) -> ast.expr:
    """The text that a call logs, by its place among the arguments."""
    if isinstance(call.func, ast.Name):
        return call.args[2]
    assert isinstance(call.func, ast.Attribute)
    return call.args[1 if call.func.attr in {"log", "warn"} else 0]


def _logged() -> Iterator[tuple[str, str | None, set[str]]]:
    """The module of each call that logs, its text if that is written there, and all texts of the module."""
    for path in (ROOT / "myscheduler").rglob("*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        texts = {one.value for one in ast.walk(tree) if isinstance(one, ast.Constant) and isinstance(one.value, str)}
        for call in _calls(tree):
            text = _text_of(call)
            constant = text.value if isinstance(text, ast.Constant) else None
            yield _module(path), constant if isinstance(constant, str) else None, texts


def test_each_line_has_a_name() -> None:
    unnamed = set()
    for module, text, texts in _logged():
        if module in {"api.door.trickle", "log"}:
            continue  # they log for their callers, by their loggers
        named = {template for logger, template in EVENTS if logger == module}
        if (text not in named) if text is not None else not (named & texts):
            unnamed.add((module, text))
    assert unnamed == set()


def test_each_name_is_that_of_a_line() -> None:
    texts: dict[str, set[str]] = {}
    for path in (ROOT / "myscheduler").rglob("*.py"):
        constants = (one for one in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(one, ast.Constant))
        texts[_module(path)] = {str(one.value) for one in constants} | {
            "%d lines of the log were lost, because it was read too slowly"
        }
    assert {(logger, text) for logger, text in EVENTS if text not in texts.get(logger, ())} == set()


@pytest.mark.parametrize(("name", "head"), [("logs.md", "event | fields"), ("ja/logs.md", "イベント | 項目")])
def test_the_page_lists_them(name: str, head: str) -> None:
    page = ROOT / "docs" / name
    names: dict[str, dict[str, None]] = {}
    for event in EVENTS.values():
        names.setdefault(event.name, {}).update(dict.fromkeys(event.fields))
    rows = [f"| `{name}` | {', '.join(f'`{one}`' for one in fields)} |" for name, fields in sorted(names.items())]
    table = "\n".join(["", f"| {head} |", "|---|---|", *rows, "", ""])
    before, _, rest = page.read_text("utf-8").partition(BEGIN)
    written, _, after = rest.partition(END)
    if os.environ.get("GOLDEN") == "write":
        page.write_text(before + BEGIN + table + END + after, "utf-8")
    else:
        assert written == table
