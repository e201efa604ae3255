"""The catalogue of sentences fits the places where they are made."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from myscheduler.core.reason import Reason
from myscheduler.messages.catalogue import MESSAGES, SUBJECTS
from myscheduler.messages.template import parameters
from tests.support.checkout import ROOT

SOURCES = sorted((ROOT / "myscheduler").rglob("*.py"))
TEXTS = [path for path in SOURCES if "messages" not in path.parts]


def _calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "said":
            yield node


def _codes(node: ast.expr) -> Iterator[str]:
    """The codes that an argument may be: a text, or one of two."""
    match node:
        case ast.Constant(str() as code):
            yield code
        case ast.IfExp(body=one, orelse=other):
            yield from _codes(one)
            yield from _codes(other)


@pytest.mark.parametrize("path", [path for path in TEXTS if "said(" in path.read_text("utf-8")], ids=str)
def test_a_sentence_gets_the_parameters_of_its_template(path: Path) -> None:
    for call in _calls(path):
        given = {keyword.arg for keyword in call.keywords}
        for code in _codes(call.args[0]):
            assert code in MESSAGES, f"line {call.lineno}"
            if None not in given:
                assert given == parameters(MESSAGES[code]).keys(), f"{code}, line {call.lineno}"


def test_every_sentence_is_made_somewhere() -> None:
    """Codes that are put together, such as `slot-skipped`, are named by their beginnings."""
    sources = "\n".join(path.read_text("utf-8") for path in TEXTS)
    made_of_parts = re.findall(r'said\(f"([a-z-]+)\{', sources) + re.findall(r'\{code\}(-[a-z]+)"', sources)
    unused = {
        code
        for code in MESSAGES
        if f'"{code}"' not in sources and not any(part in code for part in made_of_parts if len(part) > 1)
    }
    assert unused == {"several"}  # `all_of` makes it


def test_no_code_is_in_two_subjects() -> None:
    assert sum(map(len, SUBJECTS.values())) == len(MESSAGES)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code) for code in MESSAGES)


def test_every_reason_has_a_sentence() -> None:
    assert {f"reason-{reason}" for reason in Reason} <= MESSAGES.keys()
