"""Every rule that is used is in the catalogue, and the reverse."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import myscheduler.core
from myscheduler.core.findings.rules import RULES

CORE = Path(myscheduler.core.__file__).parent
_RULE = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_OF_ONE_WORD = {"schedule", "unreadable"}
_MAKERS = {"Complaint": 1, "Finding": 1, "Problem": 4, "problem": 1}
"""What makes findings, and where among the arguments the rule stands."""


def _calls(tree: ast.AST) -> Iterator[tuple[ast.Call, int]]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(name)) if name in _MAKERS:
                yield node, _MAKERS[name]
            case ast.Call(func=ast.Attribute(ast.Name("faults" | "file"), "add")):
                yield node, 1


def _rules(source: str) -> Iterator[str]:
    """The rules of the findings that a module makes, as far as they are written there."""
    for call, place in _calls(ast.parse(source)):
        rule = call.args[place] if len(call.args) > place else None
        if isinstance(rule, ast.Constant) and isinstance(rule.value, str):
            yield rule.value


def _texts() -> set[str]:
    """Every text in the core, apart from the catalogue."""
    modules = (ast.parse(path.read_text("utf-8")) for path in CORE.rglob("*.py") if path.name != "rules.py")
    nodes = (node for module in modules for node in ast.walk(module))
    return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_rules_are_read_out_of_calls() -> None:
    source = """
faults.add((), "a-rule", "x")
Complaint((), "one-rule", "x")
Complaint(loc, rule, "x")
Problem(p, 1, 1, "f", "schedule", "y")
others.add((), "no-rule", "x")
"""
    assert list(_rules(source)) == ["a-rule", "one-rule", "schedule"]


def test_every_rule_is_in_the_catalogue() -> None:
    used = {rule for path in CORE.rglob("*.py") for rule in _rules(path.read_text("utf-8"))}
    assert len(used) > 30
    assert used <= RULES.keys()


def test_every_rule_of_the_catalogue_is_used() -> None:
    assert RULES.keys() <= _texts()


def test_the_catalogue_is_sorted_and_says_sentences() -> None:
    assert list(RULES) == sorted(RULES)
    assert [name for name in RULES if not _RULE.fullmatch(name)] == sorted(_OF_ONE_WORD)
    assert [text for text in RULES.values() if not re.fullmatch(r"[A-Za-z].*\.", text)] == []
