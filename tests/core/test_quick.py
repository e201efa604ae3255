"""Data classes that are made quickly are made as others are."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.history.execution import Execution
from myscheduler.core.quick import quick


@dataclass(frozen=True, slots=True)
class Usual:
    first: int
    second: str = "two"
    third: list[int] = field(default_factory=list)
    fourth: int | None = field(default=None, compare=False, repr=False)


@quick
@dataclass(frozen=True, slots=True)
class Quick:
    first: int
    second: str = "two"
    third: list[int] = field(default_factory=list)
    fourth: int | None = field(default=None, compare=False, repr=False)


GIVEN = st.fixed_dictionaries(
    {"first": st.integers()},
    optional={"second": st.text(), "third": st.lists(st.integers()), "fourth": st.integers()},
)


def values(made: Any) -> list[Any]:
    return [getattr(made, one.name) for one in fields(made)]


@given(GIVEN, GIVEN)
def test_it_is_made_compared_shown_and_replaced_as_any_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    quickly, usually = Quick(**one), Usual(**one)
    assert values(quickly) == values(usually)
    assert repr(quickly) == repr(usually).replace("Usual", "Quick")
    assert (quickly == Quick(**other)) == (usually == Usual(**other))
    assert values(replace(quickly, **other)) == values(replace(usually, **other))
    assert Quick(*values(quickly)) == quickly


def test_each_has_a_list_of_its_own() -> None:
    assert Quick(1).third is not Quick(1).third


@pytest.mark.parametrize("made", [Quick, Usual])
@pytest.mark.parametrize("wrong", [{}, {"first": 1, "fifth": 5}])
def test_wrong_parameters_are_refused(made: Callable[..., Any], wrong: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        made(**wrong)


def test_only_the_type_checker_guards_it() -> None:
    with pytest.raises(FrozenInstanceError):
        Usual(1).first = 2  # type: ignore[misc] # that is what is tested
    quickly = Quick(1)
    quickly.first = 2  # type: ignore[misc] # that is what is tested
    assert quickly.first == 2
    with pytest.raises(AttributeError):
        quickly.fifth = 5  # type: ignore[attr-defined] # it has slots


def test_an_execution_that_begins_is_the_same_otherwise() -> None:
    made = Execution(*(object() for _ in fields(Execution)))  # type: ignore[arg-type] # each field has a value of its own
    at: Any = object()
    assert made.begun(at) == replace(made, started_at=at)
    assert made.begun(at) != made
