"""What is told of the jobs below one that is paused or deleted."""

import pytest

from myscheduler.core.chains.effects import NAMED, Affected, Effect, effects_notes, effects_of_pause, effects_of_removal
from myscheduler.core.chains.graph import Graph
from tests.support.chains import after

LINE = {"b": after("a"), "c": after("b")}
DIAMOND = {"b": after("a"), "c": after("a"), "d": after("b", "c")}
BYPASS = {"b": after("a", if_skipped="run"), "c": after("b")}


@pytest.mark.parametrize(
    ("afters", "acted_on", "of_pause", "of_removal"),
    [
        pytest.param(LINE, "a", "b skipped, c skipped", "b never, c never", id="all below"),
        pytest.param(LINE, "b", "c skipped", "c never", id="in the middle"),
        pytest.param(LINE, "c", "", "", id="the last one"),
        pytest.param(LINE, "x", "", "", id="in no chain"),
        pytest.param(DIAMOND, "b", "d skipped", "d skipped", id="a join waits for another, too"),
        pytest.param(DIAMOND, "a", "b skipped, c skipped, d skipped", "b never, c never, d never", id="a join below"),
        pytest.param(
            {**DIAMOND, "d": after("b", "c", join="any")}, "b", "d runs", "d runs", id="any of those that are left"
        ),
        pytest.param(
            {**DIAMOND, "d": after("b", "c", join="any")},
            "a",
            "b skipped, c skipped, d skipped",
            "b never, c never, d never",
            id="any of none",
        ),
        pytest.param(BYPASS, "a", "b runs", "b never, c never", id="a bypass: those below it run as before"),
        pytest.param(
            {"c": after("a", "b", if_skipped="run")}, "a", "c runs", "c runs", id="a bypass in a join with another"
        ),
        pytest.param({"b": after("a:failure")}, "a", "b skipped", "b never", id="whatever the outcome"),
        pytest.param(LINE, "ab", "c skipped", "c never", id="those acted on are not named"),
    ],
)
def test_table(afters: dict[str, object], acted_on: str, of_pause: str, of_removal: str) -> None:
    graph = Graph(afters)  # type: ignore[arg-type]
    assert shown(effects_of_pause(graph, acted_on)) == of_pause
    assert shown(effects_of_removal(graph, acted_on)) == of_removal


def shown(found: tuple[Affected, ...]) -> str:
    return ", ".join(f"{one.job_id} {one.effect}" for one in found)


def test_parents_come_first() -> None:
    graph = Graph({"a": after("b"), "b": after("c"), "z": after("c")})
    assert [one.job_id for one in effects_of_pause(graph, "c")] == [*"bza"]


def test_in_sentences() -> None:
    assert effects_notes(()) == []
    many = [Affected(f"j{number}", Effect.SKIPPED) for number in range(NAMED + 3)]
    assert effects_notes([*many, Affected("k", Effect.RUNS)]) == [
        (
            "jobs after it that do not run either, with the reason upstream-skipped (8): "
            "'j0', 'j1', 'j2', 'j3', 'j4' and 3 more"
        ),
        "jobs after it that run nevertheless (1): 'k'",
    ]
