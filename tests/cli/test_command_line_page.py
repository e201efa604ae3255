"""The command line page: its table names every command, and its commands do what stands below them."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from myscheduler.cli import main
from tests.support.checkout import ROOT
from tests.support.page import examples_of, introduced, run, slug, table_in, with_table

PAGE = ROOT / "docs/command-line.md"
MARK = "commands"
INTRODUCTION = re.compile(r"\*\*`myscheduler ([a-z -]+)`\*\*")
"""Where the page introduces a command: in bold."""


def page() -> str:
    return PAGE.read_text("utf-8")


def commands(found: click.Command = main, name: str = "") -> Iterator[tuple[str, click.Command]]:
    """All commands with their names, those that only group others left out."""
    if not isinstance(found, click.Group) or (found.invoke_without_command and name):
        yield name, found
    if isinstance(found, click.Group):
        context = click.Context(found)
        for word in found.list_commands(context):
            inner = found.get_command(context, word)
            assert inner
            yield from commands(inner, f"{name} {word}".strip())


def table() -> str:
    told = {name: command.get_short_help_str(limit=200).rstrip(".") for name, command in commands()}
    rows = [
        f"| [`myscheduler {one[0]}`](#{slug(heading)}) | {told.get(one[0], '?')} |\n"
        for one, heading in introduced(INTRODUCTION, page())
    ]
    return "\n| command | what it does |\n|---|---|\n" + "".join(rows) + "\n"


def test_the_table_names_every_command_once() -> None:
    """`GOLDEN=write` writes it into the page."""
    if os.environ.get("GOLDEN") == "write":
        PAGE.write_text(with_table(MARK, page(), table()), encoding="utf-8")
    assert sorted(one[0] for one, _ in introduced(INTRODUCTION, page())) == sorted(name for name, _ in commands())
    assert table_in(MARK, page()) == table()


@pytest.mark.slow
def test_every_command_has_an_example_and_every_example_does_what_stands_below_it(tmp_path: Path) -> None:
    names = [name for name, _ in commands()]
    runs = run(examples_of(page()), tmp_path)
    assert "\n\n".join(fault for one in runs for fault in one.faults()) == ""
    called = {(name_of(line, names), one.example.section) for one in runs for line in one.commands}
    assert [one[0] for one, heading in introduced(INTRODUCTION, page()) if (one[0], heading) not in called] == []


def name_of(line: str, names: list[str]) -> str:
    """The command that a line calls: of several, the longest."""
    return max((name for name in names if f"{line} ".startswith(f"{name} ")), key=len)


def test_commands_are_told_apart() -> None:
    names = [name for name, _ in commands()]
    assert {"sync", "sync status", "db check", "jobs list", "serve"} <= set(names)
    assert not {"", "jobs", "executions", "token", "db"} & set(names)
    assert [name_of(line, names) for line in ("sync", "sync --by a", "sync status")] == ["sync", "sync", "sync status"]
