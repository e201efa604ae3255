"""Manifests in ConfigMaps: which files are found, and that each place in them leads to what is written there."""

import base64
import re
from textwrap import dedent

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from myscheduler.core.manifest.declared import ParsedFile
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.source.configmaps import EmbeddedFile, embedded
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.core.source.yaml import read_documents

JOB = "job_id: {0}\ninterval: {{hours: 1}}\ntarget_url: http://{0}\n"


def _parse(text: str | bytes) -> ParsedFile:
    content = text if isinstance(text, bytes) else text.encode()
    return parse_file(SourceFile.of("a.yaml", content), zone="Asia/Tokyo")


def _report(text: str | bytes) -> list[str]:
    return [str(problem) for problem in sorted(_parse(text).problems)]


def _files(text: str) -> list[EmbeddedFile]:
    found = [embedded(document, text) for document in read_documents(text)]
    return [file for one in found for folder in one.folders for file in folder]


_MARKS = st.integers(0, 99).map("K{}Z".format)
_PIECES = st.sampled_from(
    ["\n", "\n\n", " ", "   ", "\t", ": ", "'", '"', "\\", "#", "日本", "🗾", "é", "- ", "\u2028"]
)


@given(
    st.lists(_MARKS | _PIECES, max_size=40).map("".join),
    st.sampled_from(['"', "'", "|"]),
    st.sampled_from([10, 40, 1000]),
    st.booleans(),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([None, 6]),
)
@example("K0Z\u2028\n", "'", 10, True, "\n", None)  # a break that YAML keeps, and one that it folds
def test_places_lead_to_what_is_written_there(
    content: str, style: str, width: int, raw: bool, end: str, indent: int | None
) -> None:
    objects = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a.yaml": content}}
    text = yaml.safe_dump(objects, default_style=style, width=width, allow_unicode=raw, indent=indent)
    text = f"# 前置き\n---\n{text}".replace("\n", end)
    (file,) = _files(text)
    assert file.content.decode() == content
    lines = text.splitlines()
    for number, line in enumerate(content.splitlines(), 1):
        for mark in re.finditer(r"K\d+Z", line):
            at, column = file.place(number, mark.start() + 1)
            assert lines[at - 1][column - 1 :].startswith(mark[0])


@given(st.text(), st.integers(1, 99), st.integers(1, 99), st.sampled_from(['"', "'", "|", ">", None]))
def test_every_place_lies_in_the_file(content: str, line: int, column: int, style: str | None) -> None:
    objects = {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a.yaml": content}}
    text = yaml.safe_dump(objects, default_style=style, allow_unicode=True)
    for file in _files(text):
        at, beside = file.place(line, column)
        assert 1 <= at <= len(text.splitlines()) + 1
        assert beside >= 1


@pytest.mark.parametrize(
    ("written", "place"),
    [
        pytest.param("|\n    # one\n    job_id: a\n    corn: 1\n", "11:5", id="block"),
        pytest.param("|2\n    # one\n    job_id: a\n    corn: 1\n", "11:5", id="block with its indentation"),
        pytest.param('"job_id: a\\ncorn: 1\\n"\n', "8:23", id="double quotes"),
        pytest.param('"job_id: a\\n\\\n    corn: 1\\n"\n', "9:5", id="double quotes over two lines"),
        pytest.param("'job_id: a\n\n    corn: 1'\n", "10:5", id="single quotes"),
        pytest.param(">\n    job_id: a\n\n    corn: 1\n", "8:11", id="folded: where it begins"),
        pytest.param("&a |\n    job_id: a\n    corn: 1\n", "10:5", id="block with an anchor"),
    ],
)
def test_places_by_hand(written: str, place: str) -> None:
    head = "apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: jobs}\ndata:\n"
    (found,) = [line for line in _report(f"{head}  a.yaml: {written}") if "unknown-key" in line]
    assert found.startswith(f"a.yaml:{place}: error: corn")


def test_a_list_as_kubectl_prints_it() -> None:
    text = dedent("""\
        apiVersion: v1
        items:
        - apiVersion: v1
          data:
            jobs.yaml: |
              job_id: one
              interval: {hours: 1}
              target_url: http://one
          kind: ConfigMap
          metadata: {name: jobs, namespace: a}
        - apiVersion: v1
          kind: Service
        - apiVersion: v1
          data:
            jobs.yaml: "job_id: two\\ninterval: {hours: 1}\\ntarget_ulr: http://two\\n"
            notes.txt: "job_id: ["
            old.yml: |
              job_id: three
              interval: {hours: 1}
              target_url: http://three
          kind: ConfigMap
        kind: List
        metadata: {resourceVersion: ""}
        """)
    parsed = _parse(text)
    assert [(job.job_id, job.line) for job in parsed.jobs] == [("one", 6), ("three", 18)]
    assert (parsed.skipped, parsed.broken_ids, parsed.is_opaque) == (1, frozenset({"two"}), False)
    assert _report(text) == [
        "a.yaml:15:17: error: target_url: is missing [missing-field]",
        "a.yaml:15:52: error: target_ulr: unknown key 'target_ulr': did you mean 'target_url'? [unknown-key]",
    ]


def test_a_list_in_json() -> None:
    objects = '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "ConfigMap", "data": {%s}}]}'
    text = objects % '"a.yaml": "job_id: a\\nx: 1\\n"'
    document, key = text.index("job_id") + 1, text.index("x: 1") + 1
    places = [line.partition(": ")[0] for line in _report(text)]
    assert places == [f"a.yaml:1:{document}", f"a.yaml:1:{key}"]


def test_each_config_map_of_a_list_has_its_own_calendars() -> None:
    item = "- apiVersion: v1\n  kind: ConfigMap\n  data:\n    calendars.yaml: '{0}: {{country: JP}}'\n    a.yaml: |\n"
    job = (
        "".join(f"      {line}\n" for line in JOB.splitlines()) + "      calendar: {{name: {0}, only: business_days}}\n"
    )
    text = "apiVersion: v1\nkind: List\nitems:\n" + "".join((item + job).format(name) for name in ("one", "two"))
    assert ([job.job_id for job in _parse(text).jobs], _report(text)) == (["one", "two"], [])
    assert len(_report(text.replace("'two:", "'too:"))) == 1


@pytest.mark.parametrize(
    ("content", "ids", "report"),
    [
        pytest.param(JOB.format("a").encode(), ["a"], [], id="text"),
        pytest.param(
            "job_id: 日報".encode("cp932"),
            [],
            ["a.yaml:4:11: error: is not UTF-8, it looks like Shift_JIS (CP932): save the file as UTF-8 [not-utf8]"],
            id="Shift_JIS, as kubectl stores it",
        ),
        pytest.param(
            b"job_id: a\nx: [", [], ["a.yaml:4:11: error: is not YAML: did not find expected node content"], id="YAML"
        ),
    ],
)
def test_binary_data(content: bytes, ids: list[str], report: list[str]) -> None:
    written = base64.b64encode(content).decode()
    text = f"apiVersion: v1\nkind: ConfigMap\nbinaryData:\n  a.yaml: {written}\n  b.png: '????'\n"
    assert [job.job_id for job in _parse(text).jobs] == ids
    assert [line[: len(begin)] for line, begin in zip(_report(text), report, strict=True)] == report


def test_what_is_no_base64_hides_no_job() -> None:
    parsed = _parse("apiVersion: v1\nkind: ConfigMap\nbinaryData:\n  a.yaml: job\n")
    (problem,) = parsed.problems
    assert str(problem) == (
        "a.yaml:4:11: error: binaryData.a.yaml: is not base64, as binaryData requires: write the text under `data` "
        "instead [invalid-value]"
    )
    assert parsed.is_opaque


@pytest.mark.parametrize("start", [pytest.param("", id="plain"), pytest.param("\ufeff", id="byte order mark")])
@pytest.mark.parametrize("end", [pytest.param("\n", id="Unix"), pytest.param("\r\n", id="Windows")])
def test_windows_files(start: str, end: str) -> None:
    inner = "".join(f"    {line}\n" for line in f"{JOB.format('a')}corn: 1".splitlines())
    text = f"{start}# x\napiVersion: v1\nkind: ConfigMap\ndata:\n  a.yaml: |\n{inner}".replace("\n", end)
    unknown = "unknown key 'corn': did you mean 'cron'? [unknown-key]"
    assert _report(text) == [f"a.yaml:9:5: error: corn: {unknown}"]
    plain = f"{start}{JOB.format('a')}corn: 1\n".replace("\n", end)
    assert _report(plain) == [f"a.yaml:4:1: error: corn: {unknown}"]


def test_empty_and_other_objects_are_counted() -> None:
    kinds = ["kind: Pod", "kind: ConfigMap", "kind: ConfigMap\ndata: {}", "kind: List\nitems: []", "kind: [1]", "kind:"]
    parsed = _parse("---\n".join(f"apiVersion: v1\n{kind}\n" for kind in kinds))
    assert (parsed.jobs, parsed.problems, parsed.skipped) == ((), (), 4)
