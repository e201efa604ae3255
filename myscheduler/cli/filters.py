"""Options of lists that are sent to the API as they are written: filters, the length of a page, where it starts."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import click

from myscheduler.cli.output.terminal import styled

_F = TypeVar("_F", bound=Callable[..., Any])
MOST_ROWS = 1_000


class Filters:
    """The values of the options below, as parameters of a request."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        """`values` has the parameters by name; `None` and empty ones were not given."""
        self._values = dict(values)

    @property
    def has_limit(self) -> bool:
        return self._values.get("limit") is not None

    def pairs(self, **more: str) -> list[tuple[str, str]]:
        """Names and values; `more` replaces values."""
        return [(name, _text(one)) for name, value in (self._values | more).items() for one in _each(value)]


def _each(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        yield from value
    elif value is not None:
        yield value


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def filter_option(
    name: str, kind: Any, text: str, *, metavar: str | None = None, many: bool = False, parameter: str | None = None
) -> Callable[[_F], _F]:
    """An option for the parameter of the same name, or `parameter`; `many` may be given several times."""
    names = [name, *([parameter] if parameter else [])]
    return click.option(*names, type=kind, metavar=metavar, multiple=many, help=text)


def flag_filter(name: str, text: str) -> Callable[[_F], _F]:
    """`--failing` for what is so, `--no-failing` for what is not; without either, both are listed."""
    return click.option(f"{name}/--no-{name.removeprefix('--')}", default=None, help=text)


def limit_option(default: int | None) -> Callable[[_F], _F]:
    return click.option(
        "--limit",
        type=click.IntRange(1, MOST_ROWS),
        default=default,
        show_default=default is not None,
        help="The most rows." if default else "The most rows.  [default: all]",
    )


cursor_option = click.option("--cursor", metavar="CURSOR", help="Continue after the page that ended with this cursor.")


def more_hint(answer: Mapping[str, Any]) -> Iterator[str]:
    """A line that says how to get the next page, if there is one."""
    if answer.get("next_cursor"):
        yield styled(f"more: --cursor {answer['next_cursor']}", dim=True)
