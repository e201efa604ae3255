"""Which ids people take for one, and what is said about them."""

from unicodedata import normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.findings.problem import Severity
from myscheduler.core.manifest.declaration import id_fault
from myscheduler.core.manifest.declared import DeclaredJob
from myscheduler.core.manifest.look_alikes import as_seen, look_alikes


def _jobs(*job_ids: str) -> dict[str, DeclaredJob]:
    return {job_id: DeclaredJob(job_id, "", "jobs.yaml", line, None) for line, job_id in enumerate(job_ids, 1)}


def _messages(*job_ids: str, **beside: str) -> list[str]:
    return [str(problem) for problem in look_alikes(_jobs(*job_ids), beside)]


_COMPOSED, _FORM = "how characters are composed (NFC and NFD)", "the width or form of characters"
_OTHER = "characters that look alike or are invisible"


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        pytest.param("report", "Report", "upper and lower case", id="case"),
        pytest.param("été", "ÉTÉ", "upper and lower case", id="case of accents"),
        pytest.param("ガス", normalize("NFD", "ガス"), f"{_COMPOSED}, first in U+30AC and U+30AB", id="macOS"),
        pytest.param("café", "cafe\u0301", f"{_COMPOSED}, first in U+00E9 and U+0065", id="accent"),
        pytest.param("job-1", "job-１", f"{_FORM}, first in U+0031 and U+FF11", id="digit"),
        pytest.param("report", "ｒｅｐｏｒｔ", f"{_FORM}, first in U+0072 and U+FF52", id="Latin"),
        pytest.param("ガス", "ｶﾞｽ", f"{_FORM}, first in U+30AC and U+FF76", id="kana"),
        pytest.param("日次 集計", "日次\u3000集計", f"{_FORM}, first in U+0020 and U+3000", id="space"),
        pytest.param("report", "Ｒeport", f"{_OTHER}, first in U+0072 and U+FF32", id="width and case"),
        pytest.param("9〜17時", "9～17時", f"{_OTHER}, first in U+301C and U+FF5E", id="wave dash"),
        pytest.param("a-b", "a\u2010b", f"{_OTHER}, first in U+002D and U+2010", id="hyphen"),
        pytest.param("葛", "葛\U000e0100", f"{_OTHER}, first in the end and U+E0100", id="variant"),
        pytest.param("ab", "a\u3164b", f"{_OTHER}, first in U+0062 and U+3164", id="filler"),
    ],
)
def test_each_names_the_other_with_its_place(one: str, other: str, difference: str) -> None:
    assert id_fault(one) is None
    assert id_fault(other) is None
    rest = "; write the same id if one job is meant, else ids that people can tell apart [look-alike-id]"
    first, second = _messages(one, other)
    assert first.startswith(f"jobs.yaml:1:1: warning: job_id: {one!r} looks like {other!r} (jobs.yaml:2), but is an")
    assert second.startswith(f"jobs.yaml:2:1: warning: job_id: {other!r} looks like {one!r} (jobs.yaml:1), but is an")
    assert first.endswith(f"they differ in {difference}{rest}")


@pytest.mark.parametrize(
    "job_ids",
    [
        pytest.param(("ハス", "バス", "パス"), id="voicing"),
        pytest.param(("はす", "ハス"), id="two scripts of kana"),
        pytest.param(("ー", "一"), id="long vowel and one"),
        pytest.param(("a", "а"), id="Latin and Cyrillic"),
        pytest.param(("report-1", "report-2", "report 1"), id="plain"),
        pytest.param(("つ", "っ"), id="small kana"),
    ],
)
def test_ids_that_differ_for_readers(job_ids: tuple[str, ...]) -> None:
    assert _messages(*job_ids) == []


def test_beside_what_is_stored() -> None:
    (message,) = _messages(
        "Report", "daily", report="created through the API", other="jobs.yaml:9", OTHER="jobs.yaml:8"
    )
    assert message.startswith(
        "jobs.yaml:1:1: warning: job_id: 'Report' looks like 'report' (created through the API), but"
    )


def test_of_many_the_first_is_named() -> None:
    ids = [f"{start}eport{end}" for start in "rRｒＲ" for end in ("", "\ufe00")]
    messages = _messages(*ids)
    assert len(messages) == 8
    assert all("looks like 'report' (jobs.yaml:1), and like 6 more, but is another job" in one for one in messages[1:])
    assert all(problem.severity is Severity.WARNING for problem in look_alikes(_jobs(*ids), {}))


@given(st.text(max_size=8))
def test_what_is_written_otherwise_is_seen_as_the_same(text: str) -> None:
    seen = as_seen(text)
    assert as_seen(seen) == seen
    assert {as_seen(normalize(form, text)) for form in ("NFC", "NFD", "NFKC", "NFKD")} == {seen}
    assert as_seen(f"{text}\ufe0f") == seen


@given(st.lists(st.text("aAａ1１ガｶﾞ\u3099-\u2010", max_size=3), max_size=6, unique=True))
def test_those_and_only_those_are_told(job_ids: list[str]) -> None:
    told = {problem.job_id for problem in look_alikes(_jobs(*job_ids), {})}
    assert told == {one for one in job_ids if any(as_seen(one) == as_seen(other) and one != other for other in job_ids)}
