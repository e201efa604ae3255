"""Manifest files to desired jobs: whole reports as people see them, and what each broken document costs."""

import re
from datetime import UTC, datetime
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.findings.problem import Severity
from myscheduler.core.findings.rules import RULES
from myscheduler.core.job.digest import digest
from myscheduler.core.manifest.combining import combine
from myscheduler.core.manifest.declared import Desired, ParsedFile
from myscheduler.core.manifest.lint import lint
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.source.snapshot import Snapshot, SourceFile, UnreadableFile

GOOD = "cron: 0 0 * * *\ntarget_url: http://x\n"


def _parse(text: str | bytes, path: str = "a.yaml") -> ParsedFile:
    content = text if isinstance(text, bytes) else dedent(text).encode()
    return parse_file(SourceFile.of(path, content), zone="Asia/Tokyo")


def _desired(*unreadable: str, **files: str) -> Desired:
    read = [SourceFile.of(f"{name}.yaml", text.encode()) for name, text in files.items()]
    snapshot = Snapshot.of(read, [UnreadableFile(path, "no permission") for path in unreadable])
    return combine([parse_file(file, zone="Asia/Tokyo") for file in snapshot.files], snapshot)


def _report(text: str | bytes) -> str:
    return "\n".join(map(str, sorted(_parse(text).problems)))


def test_report() -> None:
    text = """\
        job_id: 日次
        cron: {hour: 25, minute: 0}
        targeturl: http://x
        ---
        job_id: a/b
        cron: "0 0 * * *"
        target_url: http://x
        headers:
          Good: x
          X-MyScheduler-Job-Id: x
          Content-Length: "1"
        ---
        job_id: no
        paused: yes
        paused: true
        target_url: http://x
        cron: 0 9 * * 1-5
        ---
        - job_id: c
        ---
        cron: 0 0 * * *
        target_url: ""
        """
    assert _report(text) == dedent("""\
        a.yaml:1:1: error: target_url: is missing [missing-field]
        a.yaml:2:14: error: cron.hour: 25 is out of range: hour takes 0-23 [invalid-cron]
        a.yaml:3:1: error: targeturl: unknown key 'targeturl': did you mean 'target_url'? [unknown-key]
        a.yaml:5:9: error: job_id: 'a/b' contains /, which has a special meaning in URLs: write 'a-b', for example \
[invalid-id]
        a.yaml:10:3: warning: headers.X-MyScheduler-Job-Id: X-MyScheduler-Job-Id is set by the scheduler, \
this value is never sent [reserved-header]
        a.yaml:11:3: error: headers.Content-Length: Content-Length is set by the HTTP client: leave it out \
[invalid-header]
        a.yaml:13:9: error: job_id: no is a boolean to some YAML parsers and text to others: write false, or "no" \
for the text [yaml-surprise]
        a.yaml:15:1: error: paused: appears twice in this mapping, first on line 14: remove one [duplicate-key]
        a.yaml:15:9: error: paused: yes is a boolean to some YAML parsers and text to others: write true, or "yes" for \
the text [yaml-surprise]
        a.yaml:19:1: error: a list is not a manifest: write a mapping of fields, such as 'job_id: daily-report'; \
several jobs are separated by --- [not-a-mapping]
        a.yaml:21:1: error: job_id: is missing: a manifest needs it to identify its job [missing-field]
        a.yaml:22:13: error: target_url: is empty: write the URL to call, such as https://api.example.com/run \
[invalid-url]""")


@pytest.mark.parametrize(
    ("text", "jobs", "broken", "opaque"),
    [
        pytest.param(f"job_id: 日次 1\n{GOOD}", {"日次 1"}, set(), False, id="good"),
        pytest.param(
            f"job_id: a\nx: 1\n---\njob_id: b\n{GOOD}", {"b"}, {"a"}, False, id="a broken one beside a good one"
        ),
        pytest.param(f"job_id: a/b\n{GOOD}---\njob_id: b\n{GOOD}", {"b"}, set(), True, id="an id that is none"),
        pytest.param(f"{GOOD}---\njob_id: b\n{GOOD}", {"b"}, set(), True, id="no id"),
        pytest.param(
            "job_id: a\n x: [\n---\njob_id: 'b'  # c\n", set(), {"a", "b"}, True, id="ids in unparseable text"
        ),
        pytest.param(b"job_id: \x93\xfa", set(), set(), True, id="not UTF-8"),
        pytest.param("", set(), set(), False, id="empty"),
        pytest.param("# all gone\n---\n", set(), set(), False, id="comments"),
        pytest.param(f"\ufeffjob_id: a\n{GOOD}", {"a"}, set(), False, id="byte order mark"),
        pytest.param(f"job_id: a\r\n{GOOD}".replace("\n", "\r\n"), {"a"}, set(), False, id="Windows line ends"),
    ],
)
def test_what_a_broken_document_costs(text: str | bytes, jobs: set[str], broken: set[str], opaque: bool) -> None:
    parsed = _parse(text if isinstance(text, bytes) else text.encode())
    assert {job.job_id for job in parsed.jobs} == jobs
    assert (parsed.broken_ids, parsed.is_opaque) == (frozenset(broken), opaque)
    assert bool(parsed.problems) == bool(broken or opaque)


@pytest.mark.parametrize(
    ("content", "report"),
    [
        pytest.param(
            "a: 1\njob_id: 日次".encode("cp932"),
            "a.yaml:2:1: error: is not UTF-8, it looks like Shift_JIS (CP932): save the file as UTF-8 [not-utf8]",
            id="Shift_JIS",
        ),
        pytest.param(
            "job_id: 日次".encode("utf-16"),
            "a.yaml:1:1: error: is not UTF-8, it looks like UTF-16: save the file as UTF-8 [not-utf8]",
            id="UTF-16",
        ),
        pytest.param(b"\xe9", "a.yaml:1:1: error: is not UTF-8: save the file as UTF-8 [not-utf8]", id="Latin 1"),
        pytest.param(
            b"job_id: a\ncron: */5 * * * *",
            "a.yaml:2:7: error: a * that is not in quotes starts an alias in YAML: put the value into quotes, such as "
            "'*/5 * * * *' [yaml-syntax]",
            id="unquoted star",
        ),
    ],
)
def test_unreadable_text(content: bytes, report: str) -> None:
    assert re.sub(r":2:[78]:", ":2:7:", _report(content)) == report


CONFIG_MAP = """\
apiVersion: v1
kind: Deployment
debug: yes
---
apiVersion: v1
kind: ConfigMap
data:
  README: job_id = x
  a.yaml: |
    job_id: a
    cron: {hour: 25}
    target_url: http://x
  b.yml: |-
    # two jobs
    job_id: b
    cron: 0 0 * * *
    target_url: http://x
    ---
    job_id: c
    run_at: 2026-01-01T00:00:00Z
    target_url: http://x
  bad.yaml: |
    job_id: d
    cron: a: b
  one-line.yaml: "job_id: e"
"""


def test_what_yaml_reads_differently_is_not_repeated_where_it_may_be_a_credential() -> None:
    head = f"job_id: a\n{GOOD}"
    report = _report(f"{head}headers: {{X-Team: 0123, X-Key: 1_000}}\nbody: {{password: 4:20, n: 0777}}")
    assert [word for word in ("0123", "1_000", "4:20") if word in report] == []
    assert report.count("is read differently by different YAML parsers: put it into quotes [yaml-surprise]") == 3
    assert "body.n: 0777 is read differently" in report


LEAKED = "hunter2tok12345"
JOB = f"job_id: a\n{GOOD}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param(
            f"{JOB}headers: {{Authorization:Bearer {LEAKED}}}",
            "4:47: error: headers.Authorization…: has to be text, not nothing, and write a space after the colon",
            id="no space behind the colon of a header",
        ),
        pytest.param(
            f"{JOB}labels: {{Authorization Bearer {LEAKED}: }}",
            "error: labels.Authorization…: has to be text, not nothing [",
            id="no colon behind the name",
        ),
        pytest.param(
            f"{JOB}Authorization:Bearer {LEAKED}: 1",
            "4:1: error: Authorization…: unknown key 'Authorization…': the keys are job_id, ",
            id="no space behind the colon of a key",
        ),
        pytest.param(
            f"target_url:https://u:{LEAKED}@e.example/: 1",
            "target_url…: unknown key 'target_url…': did you mean 'target_url'?, and write a space after the colon",
            id="no space behind the colon of the target",
        ),
        pytest.param(
            f"{JOB}blackout: [{{from:{LEAKED}: 1}}]",
            "blackout.0.from…: unknown key 'from…': did you mean 'from'?",
            id="a key of an object",
        ),
        pytest.param(f"{JOB}ghp_{LEAKED}0123456789: 1", "••••: unknown key '••••'", id="a key that is a token"),
        pytest.param(
            f"{JOB}headers: {{A: !{LEAKED} }}", "headers.A: has a tag that is not supported", id="a tag in a header"
        ),
        pytest.param(
            f"{JOB}body: {{password: !{LEAKED} }}", "body.password: has a tag that is not", id="a tag in the body"
        ),
        pytest.param(
            f"target_url:https://u:{LEAKED}@e.example/", "text is not a manifest", id="a URL and nothing else"
        ),
        pytest.param(
            f"{JOB}eyJ{LEAKED * 5}.{LEAKED * 5}.{LEAKED}: 1",
            "••••: unknown key '••••'",
            id="a key that is a long token",
        ),
        pytest.param(
            f"{JOB}method: {'x' * 300_000} {LEAKED}", "xxx…' is no method such as", id="a value that has no end"
        ),
        pytest.param(LEAKED, "1:1: error: text is not a manifest", id="a token and nothing else"),
        pytest.param("123456789", "a lone value is not a manifest", id="a number and nothing else"),
        pytest.param(f"{JOB}method: Bearer {LEAKED}", "method: 'Bearer ••••' is no method such as", id="method"),
        pytest.param(f"{JOB}timezone: Bearer {LEAKED}", "timezone: 'Bearer ••••' is not a time zone", id="timezone"),
        pytest.param(
            f"{JOB}timezone: https://u:{LEAKED}@x", "timezone: 'https://••••@x' is not a time zone", id="a URL"
        ),
        pytest.param(f"{JOB}timezone: u:{LEAKED}@x", "timezone: '••••@x' is not a time zone", id="userinfo"),
        pytest.param(
            f"{JOB}timeout_sec: Bearer {LEAKED}", "has to be a number, not the text 'Bearer ••••'", id="timeout"
        ),
        pytest.param(
            f"{JOB}on_interrupt: Bearer {LEAKED}", "'Bearer ••••' is not one of 'record' or 'retry'", id="a choice"
        ),
        pytest.param(
            f"{JOB}labels: {{password: 123456789}}", "labels.password: has to be text, not a number", id="a label"
        ),
        pytest.param(
            f"job_id: a\ncron: Bearer {LEAKED}\ntarget_url: http://x", "cron: `Bearer ••••` has 2", id="a crontab line"
        ),
        pytest.param(
            f"job_id: a\ncron: {{hour:{LEAKED}: 1}}\ntarget_url: http://x",
            "cron.hour…: `hour…` is not a field of a cron schedule",
            id="a cron field",
        ),
        pytest.param(
            f"job_id: a\ncron: {{hour: 'Bearer {LEAKED}'}}\ntarget_url: http://x",
            "cron.hour: `Bearer ••••` has a space inside",
            id="the value of a cron field",
        ),
        pytest.param(
            f"{JOB}calendar: {{country: Bearer {LEAKED}, skip: holidays}}",
            "'Bearer ••••' is not an ISO 3166 country code",
            id="country",
        ),
        pytest.param(
            f"{JOB}calendar: {{name: Bearer {LEAKED}, skip: holidays}}", "'Bearer ••••' is not known", id="calendar"
        ),
    ],
)
def test_credentials_that_a_slip_put_elsewhere_are_not_repeated(text: str, said: str) -> None:
    report = _report(text)
    assert said in report
    assert [word for word in (LEAKED, "123456789") if word in report] == []


def test_a_manifest_writes_no_lines_of_its_own() -> None:
    text = f'{JOB}"a\\u001b[31m": 1\n"::error::b\\n::error::hacked": 1\n"\\u202ec": 1\nlabels: {{"d\\n::error::e": }}'
    (file,) = [SourceFile.of("f\n::error::g\x1b\udc80　h.yaml", text.encode())]
    lines = [str(problem) for problem in parse_file(file, zone="Asia/Tokyo").problems]
    assert [line for line in lines if not line.replace("　", " ").isprintable()] == []
    assert {line.partition(":")[0] for line in lines} == {r"f\n"}
    assert r"f\n::error::g\x1b\udc80　h.yaml:4:1: error: a\x1b[31m: unknown key " in "\n".join(lines)


@pytest.mark.parametrize(
    ("path", "text", "meant"),
    [
        pytest.param("policy.yml", "allow_hosts: [a.test]\n", "policy.yaml", id="policy.yml"),
        pytest.param("jobs.d/Policy.yaml", "max_retries: 5\n", "policy.yaml", id="a capital letter"),
        pytest.param("calendars.yml", "jp: {country: JP}\n", "calendars.yaml", id="calendars.yml"),
        pytest.param("Calendars.YAML", "jp: {country: JP}\n", "calendars.yaml", id="Calendars.YAML"),
    ],
)
def test_a_name_that_is_not_quite_reserved(path: str, text: str, meant: str) -> None:
    parsed = _parse(text, path)
    (said,) = map(str, parsed.problems)
    message = f"is missing, so this is not a manifest: did you mean {meant} at the root? Then rename the file"
    assert said == f"{path}:1:1: error: job_id: {message} [missing-field]"
    assert parsed.is_opaque
    assert [job.job_id for job in _parse(JOB, path).jobs] == ["a"]


def test_other_files_without_an_id_are_not_taken_for_the_policy() -> None:
    assert "did you mean policy.yaml" not in "".join(map(str, _parse("allow_hosts: [a.test]\n", "rules.yaml").problems))


def test_digests_are_computed_once_they_are_asked_for() -> None:
    parsed = _parse(f"job_id: a\n{GOOD}".encode())
    (job,), (with_digest,) = parsed.jobs, parsed.with_digests().jobs
    assert (job.known_digest, with_digest.known_digest) == ("", job.digest)
    assert job.spec is not None
    assert job.digest == digest(job.spec)
    assert parsed.outline() == parsed.with_digests().outline()


def test_config_map() -> None:
    parsed = _parse(CONFIG_MAP)
    assert [(job.job_id, job.line) for job in parsed.jobs] == [("b", 15), ("c", 19)]
    assert (parsed.broken_ids, parsed.is_opaque, parsed.skipped) == (frozenset({"a", "d", "e"}), True, 1)
    places = [(problem.line, problem.column, problem.rule) for problem in parsed.problems]
    assert places == [(11, 18, "invalid-cron"), (24, 12, "yaml-syntax"), (25, 19, "missing-field")]
    (warning,) = lint(parsed.jobs, clock=Clock(datetime(2026, 2, 1, tzinfo=UTC), "UTC"))
    assert str(warning) == (
        "a.yaml:20:13: warning: run_at: is in the past, so the job will never run: write a later time, or remove "
        "the job [run-at-past]"
    )


def test_config_map_with_a_key_twice_hides_no_job() -> None:
    inner = "  a.yaml: |\n    job_id: {}\n    cron: 0 0 * * *\n    target_url: http://x\n"
    parsed = _parse("apiVersion: v1\nkind: ConfigMap\ndata:\n" + inner.format("a") + inner.format("b"))
    assert [(problem.line, problem.rule) for problem in parsed.problems] == [(8, "duplicate-key")]
    assert parsed.is_opaque


def test_config_maps_in_config_maps_are_skipped() -> None:
    text = "job_id: a"
    for level in range(300):
        text = "apiVersion: v1\nkind: ConfigMap\ndata:\n a.yaml: |\n" + "".join(
            f"  {line}\n" for line in text.splitlines()
        )
        assert level or _parse(text).broken_ids == {"a"}
    assert _parse(text).skipped == 1


def test_duplicates_name_both_places() -> None:
    desired = _desired(a=f"job_id: x\n{GOOD}---\njob_id: y\n{GOOD}", b=f"---\njob_id: x\n{GOOD}")
    assert desired.jobs.keys() == {"y"}
    assert desired.held_ids == {"x"}
    advice = (
        "job_id: 'x' is declared in a.yaml:1 and b.yaml:2: rename or remove one; until then the job stays as it was"
    )
    assert [str(problem) for problem in desired.problems] == [
        f"a.yaml:1:1: error: {advice} [duplicate-id]",
        f"b.yaml:2:1: error: {advice} [duplicate-id]",
    ]


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        pytest.param(
            "cron: 1\n" + "".join(f"k{number}: 1\n" for number in range(1_000)), "unknown-key", id="in a document"
        ),
        pytest.param("--- a\n" * 1_000, "not-a-mapping", id="in many documents"),
        pytest.param("--- {job_id: a, targeturl: x}\n" * 1_000, "unknown-key", id="in many jobs"),
    ],
)
def test_problems_that_nobody_would_read_are_left_out(text: str, rule: str) -> None:
    problems = _parse(text).problems
    assert len(problems) == 101
    assert rule in {problem.rule for problem in problems}
    assert str(problems[-1]).endswith("error: has more problems than these 100: fix them first [more-problems]")
    assert not problems[-1].job_id


def test_each_header_is_told_at_its_line() -> None:
    problems = _parse(f"job_id: a\n{GOOD}headers:\n  X-日: a\n  x y: b\n  A: 5\n  a: c\n  B:secret: d\n").problems
    assert [(one.line, one.field, one.rule) for one in sorted(problems)] == [
        (5, "headers.X-日", "invalid-header"),
        (6, "headers.x…", "invalid-header"),
        (7, "headers.A", "invalid-type"),
        (8, "headers.a", "duplicate-key"),
        (9, "headers.B…", "invalid-header"),
    ]
    assert "secret" not in str(problems)


def test_errors_are_told_before_warnings() -> None:
    own = "".join(f"  X-MyScheduler-{number}: x\n" for number in range(100))
    problems = _parse(f"job_id: a\n{GOOD}headers:\n{own}timeot: 1\n").problems
    assert problems[0].rule == "unknown-key"
    assert {problem.severity for problem in problems[1:]} == {Severity.WARNING}


def test_an_id_that_stands_everywhere_is_told_in_a_few_words() -> None:
    problems = _desired(a=f"job_id: x\n{GOOD}---\n" * 1_000).problems
    assert len(problems) == 100
    assert problems[0].message == (
        "'x' is declared in a.yaml:1 and a.yaml:5 and a.yaml:9 and a.yaml:13 and a.yaml:17 and 995 more: "
        "rename or remove one; until then the job stays as it was"
    )


def test_a_broken_document_holds_its_job_against_a_good_one() -> None:
    desired = _desired(a=f"job_id: x\n{GOOD}", b="job_id: x\nfoo: 1\n")
    assert not desired.jobs
    assert desired.held_ids == {"x"}


def test_unreadable_files_and_folders() -> None:
    desired = _desired("team/", "z.yaml", a=f"job_id: x\n{GOOD}", o="[")
    assert desired.held_paths == {"team/", "z.yaml", "o.yaml"}
    assert str(desired.problems[-1]) == (
        "z.yaml:1:1: error: can't be read (no permission): its jobs stay as they were [unreadable]"
    )
    held = {path: desired.holds("j", path) for path in ("team/sub/a.yaml", "teams.yaml", "z.yaml", "o.yaml", "a.yaml")}
    assert held == {"team/sub/a.yaml": True, "teams.yaml": False, "z.yaml": True, "o.yaml": True, "a.yaml": False}


@pytest.mark.parametrize(
    ("files", "empty"),
    [
        pytest.param({}, True, id="no file"),
        pytest.param({"a": "# nothing"}, True, id="comments"),
        pytest.param({"a": "apiVersion: v1\nkind: Service"}, True, id="other kinds"),
        pytest.param({"a": "job_id: x"}, False, id="a broken job"),
        pytest.param({"a": "["}, False, id="a broken file"),
    ],
)
def test_is_empty(files: dict[str, str], empty: bool) -> None:
    assert _desired(**files).is_empty is empty


_LINES = st.sampled_from(
    [
        "job_id: a",
        "job_id: b",
        *GOOD.splitlines(),
        "---",
        "x: 1",
        "apiVersion: v1",
        "kind: ConfigMap",
        "data:",
        "  a.yaml: |",
        "    job_id: c",
        "    cron: [",
        "- 1",
        "cron: 5",
        "\x00",
        "job_id: 'a/b'",
        "cron: &a {<<: *a}",
    ]
)


@given(st.binary() | st.lists(_LINES, max_size=12).map(lambda lines: "\n".join(lines).encode()))
def test_any_file_says_what_is_wrong_with_it(content: bytes) -> None:
    parsed = _parse(content)
    errors = [problem for problem in parsed.problems if problem.severity is Severity.ERROR]
    assert bool(parsed.broken_ids or parsed.is_opaque) == bool(errors)
    assert len(errors) == len(parsed.problems) or parsed.is_mute
    assert {problem.rule for problem in parsed.problems} <= RULES.keys()
    lines = len(content.decode(errors="replace").splitlines())
    assert all(1 <= problem.line <= lines + 1 and problem.column >= 1 for problem in parsed.problems)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        pytest.param("job_id:\u00a0a\ntarget_url: http://x/\n", 1, "a no-break space (U+00A0)", id="behind a colon"),
        pytest.param("job_id: a\nname\uff1aあ\ntarget_url: http://x/\n", 2, "a full-width colon", id="colon"),
        *(
            pytest.param(f"job_id: a\ninterval: {written}\n", 2, message, id=written)
            for written, message in (
                ("{hours: 1\uff0cminutes: 2}", "a full-width comma (\uff0c) is in this line: write the plain sign"),
                ("{'hours': '1'\u3001 minutes: 2}", "an ideographic comma (\u3001) is in this line"),
                ("\uff5bhours: 1\uff5d", "a full-width brace (\uff5b) is in this line"),
                ("{hours: 1\uff5d", "a full-width brace (\uff5d) is in this line"),
                ("[PT1H\uff3d", "a full-width bracket (\uff3d) is in this line"),
            )
        ),
        pytest.param("job_id: a\n\ufeffname: b\n", 2, "a byte order mark (U+FEFF), which is invisible", id="BOM"),
        pytest.param("job_id: a\n<<<<<<< HEAD\nname: b\n=======\nname: c\n>>>>>>> d\n", 2, "git", id="conflict"),
    ],
)
def test_what_only_looks_like_yaml_is_named_at_its_line(text: str, line: int, message: str) -> None:
    (problem,) = parse_file(SourceFile.of("a.yaml", text.encode()), zone="UTC").problems
    assert (problem.line, problem.rule) == (line, "yaml-syntax")
    assert message in problem.message


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            "interval: {hours\uff1a 1, minutes\uff1a2}",
            {
                "interval.hours…": "a full-width colon (\uff1a) is a part of the key 'hours…': write the plain",
                "interval.minutes…": "a full-width colon (\uff1a) is a part of the key 'minutes…': write the plain",
            },
        ),
        (
            "interval: PT1H\nheaders: {X-Api-Key\uff1ahunter2, A: b}",
            {"headers.X-Api-Key…": "has to be text, not nothing, and write a plain colon with a space after it"},
        ),
        (
            "interval: PT1H\n'\ufeffname': b",
            {"\ufeffname": "a byte order mark (U+FEFF), which is invisible, is a part of the key 'name': remove it"},
        ),
        ("cron: '0\u30006 * * *'", {"cron": "has ideographic space (U+3000) in it: write plain spaces between"}),
    ],
)
def test_a_sign_that_only_looks_like_a_plain_one_is_named(fields: str, told: dict[str, str]) -> None:
    problems = {one.field: one.message for one in _parse(f"job_id: a\ntarget_url: http://x/\n{fields}\n").problems}
    assert problems.keys() == told.keys()
    assert all(problems[field].startswith(message) for field, message in told.items())
    assert "hunter2" not in str(problems)


def test_whole_numbers_may_be_written_as_floats() -> None:
    text = "job_id: a\ntarget_url: http://x/\ninterval: {minutes: 5.0}\nmax_retries: 3.0\n"
    (job,) = parse_file(SourceFile.of("a.yaml", text.encode()), zone="UTC").jobs
    whole = parse_file(SourceFile.of("a.yaml", text.replace(".0", "").encode()), zone="UTC").jobs[0]
    assert (job.digest, job.spec and job.spec.max_retries) == (whole.digest, 3)


@pytest.mark.parametrize(
    "fields",
    [
        "cron: {hour: 5.0, minute: 30}",
        "cron: [{hour: 5.0}, '0 9 * * *']",
        "run_at: '2099-11-01T01:30:00'\ntimezone: America/New_York\nfold: 1.0",
        "cron: '0 9 * * *'\nblackout: [{cron: {hour: 2.0}, duration: PT2H}]",
    ],
)
def test_so_may_those_of_schedules(fields: str) -> None:
    text = f"job_id: a\ntarget_url: http://x/\n{fields}\n"
    jobs = [
        parse_file(SourceFile.of("a.yaml", one.encode()), zone="UTC").jobs for one in (text, text.replace(".0", ""))
    ]
    assert jobs[0][0].digest == jobs[1][0].digest
