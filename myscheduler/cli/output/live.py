"""Shows lines again and again: in place on a terminal, which is left as it was; one after the other elsewhere."""

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import click

from myscheduler.cli.output.table import fitted
from myscheduler.errors import ServerError

EVERY_SEC = 2.0
"""The interval between two pictures."""
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
"""To a screen of its own without a cursor, and back to what was shown before."""
_HOME, _END_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


watch_option = click.option("--watch", is_flag=True, help="Show it again every 2 seconds, until Ctrl-C.")


def watched(lines: Callable[[], Sequence[str]], *, watch: bool) -> None:
    """Print the lines once, or with `watch` again and again as `show_again` does."""
    if watch:
        show_again(lines)
    else:
        click.echo("\n".join(lines()))


def show_again(lines: Callable[[], Sequence[str]]) -> None:
    """Print the lines every two seconds until Ctrl-C, which ends this without an error.

    The first `ServerError` is raised. Later ones are shown instead of the lines: the server may be restarting.
    """
    first = lines()
    with _ctrl_c_ends():
        if sys.stdout.isatty():
            with _own_screen():
                _repeat(first, lines, _draw)
        else:
            _repeat(first, lines, _append)


def _repeat(first: Sequence[str], lines: Callable[[], Sequence[str]], show: Callable[[Sequence[str]], None]) -> None:
    show(first)
    while True:
        time.sleep(EVERY_SEC)
        try:
            found = lines()
        except ServerError as error:
            found = [click.style(fitted(str(error), shutil.get_terminal_size().columns), fg="red")]
        show(found)


@contextmanager
def _ctrl_c_ends() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block; without this, the latter would leave the terminal as it is."""

    def end(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    except KeyboardInterrupt:
        pass
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _own_screen() -> Iterator[None]:
    click.echo(_ENTER, nl=False)
    try:
        yield
    finally:
        click.echo(_LEAVE, nl=False)


def _draw(lines: Sequence[str]) -> None:
    """Over the lines before, without clearing the screen, which would flicker."""
    shown = [f"{line}{_END_OF_LINE}" for line in lines[: shutil.get_terminal_size().lines - 1]]
    click.echo(_HOME + "\n".join([*shown, _BELOW]), nl=False)


def _append(lines: Sequence[str]) -> None:
    click.echo("\n".join([*lines, ""]))
    sys.stdout.flush()
