"""Blocks of code in a page of the docs, and the commands in them.

    for command in COMMAND.findall(block):
        understood(command)

Nothing is run.
"""

import re
import shlex
from pathlib import Path

import click

from myscheduler.cli import main

COMMAND = re.compile(r"\bmyscheduler( [a-z]+(?: [^|>&;`]*)?)")
"""A call of `myscheduler` in a line of a shell; the group is what follows the name."""


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def understood(command: str) -> click.Context:
    """The command line as click reads it; nothing is run. A `UsageError` where it isn't one."""
    context = main.make_context("myscheduler", shlex.split(command))
    assert isinstance(main, click.Group)
    name, found, arguments = main.resolve_command(context, [*context._protected_args, *context.args])
    assert found is not None
    inner = found.make_context(name, arguments, parent=context)
    if isinstance(found, click.Group) and inner._protected_args:
        name, found, arguments = found.resolve_command(inner, [*inner._protected_args, *inner.args])
        assert found is not None
        return found.make_context(name, arguments, parent=inner)
    return inner
