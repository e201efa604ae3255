"""`vars.yaml` and the variables of the environment: what they may hold, and what is wrong with them."""

import pytest

from myscheduler.core.source.snapshot import VARS, SourceFile, UnreadableFile
from myscheduler.core.templates.variables import read_variables, variables_of
from myscheduler.errors import SettingError


def test_names_with_texts_numbers_and_booleans() -> None:
    text = "base_url: https://x.example\nn: 5\nhalf: 0.5\ndry: true\nempty: ''\n"
    found = read_variables(SourceFile.of(VARS, text.encode()))
    assert found.problems == ()
    assert dict(found.known) == {"base_url": "https://x.example", "n": 5, "half": 0.5, "dry": True, "empty": ""}


@pytest.mark.parametrize(
    ("text", "rule", "place", "message"),
    [
        ("a: 1\nBase: x", "invalid-vars", (2, 1), "lower-case"),
        ("a-b: x", "invalid-vars", (1, 1), "lower-case"),
        ("a: [1]", "invalid-vars", (1, 4), "a list"),
        ("a:", "invalid-vars", (1, 3), "None"),
        ("a: x${secret:B}", "invalid-vars", (1, 4), "${"),
        (f"a: {'x' * 1001}", "invalid-vars", (1, 4), "1,000"),
        ("a: 10000000000000000000", "invalid-vars", (1, 4), "quotes"),
        ("- a", "not-a-mapping", (1, 1), "mapping"),
        ("job_id: a", "not-a-mapping", (1, 1), "mapping"),
        ("a: 1\na: 2", "duplicate-key", (2, 1), "twice"),
        ("a: [", "yaml-syntax", (2, 1), ""),
        ("a: 1\n---\nb: 2", "invalid-vars", (3, 1), "one document"),
        ("\n".join(f"a{n}: 1" for n in range(1001)), "too-large", (1, 1), "1,000"),
    ],
)
def test_a_file_with_a_mistake_gives_nothing(text: str, rule: str, place: tuple[int, int], message: str) -> None:
    found = read_variables(SourceFile.of(VARS, text.encode()), {"of_env": "x"})
    (problem,) = found.problems
    assert (problem.rule, message in problem.message) == (rule, True), problem
    assert rule == "yaml-syntax" or (problem.line, problem.column) == place
    assert (found.has_errors, dict(found.known)) == (True, {"of_env": "x"})


def test_an_unreadable_file() -> None:
    found = read_variables(UnreadableFile(VARS, "permission denied"))
    assert ["permission denied" in one.message for one in found.problems] == [True]


def test_the_environment_wins() -> None:
    environment = variables_of(
        {"MYSCHEDULER_VAR_BASE_URL": "https://prod.example", "MYSCHEDULER_VAR_NEW": "1", "TZ": "UTC"}
    )
    found = read_variables(SourceFile.of(VARS, b"base_url: https://x.example\nn: 5"), environment)
    assert dict(found.known) == {"base_url": "https://prod.example", "n": 5, "new": "1"}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("MYSCHEDULER_VAR_base", "x", "capital letters"),
        ("MYSCHEDULER_VAR_", "x", "capital letters"),
        ("MYSCHEDULER_VAR_1A", "x", "capital letters"),
        ("MYSCHEDULER_VAR_A", "${secret:B}", "references to secrets"),
        ("MYSCHEDULER_VAR_A", "x" * 1001, "1,000"),
        ("MYSCHEDULER_VAR_A", "\udcff", "surrogate"),
    ],
)
def test_an_environment_that_cannot_be_used(name: str, value: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        variables_of({name: value})


def test_the_meaning_is_that_of_names_and_values() -> None:
    one, other = (read_variables(SourceFile.of(VARS, text)) for text in (b"a: 1\nb: x", b"# new\nb: x\na: 1"))
    assert one.meaning == other.meaning != read_variables(SourceFile.of(VARS, b"a: '1'\nb: x")).meaning
    assert read_variables(None).meaning == ""
