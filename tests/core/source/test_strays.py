"""What is no manifest: by its name, by what stands in it, and what becomes of the jobs that it declared before."""

from dataclasses import replace

import pytest

from myscheduler.core.bounds import MOST_STRAYS
from myscheduler.core.findings.problem import Severity
from myscheduler.core.gitops.plan import Delete, Hold, Known, make_plan
from myscheduler.core.job.job import Owner
from myscheduler.core.manifest.combining import combine
from myscheduler.core.manifest.declared import Desired, ParsedFile
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.source.snapshot import IGNORE, Snapshot, SourceFile
from myscheduler.core.source.strays import is_stray, stray_problems

GOOD = "cron: '0 0 * * *'\ntarget_url: http://x\n"


@pytest.mark.parametrize(
    ("name", "is_told"),
    [
        ("Report.YAML", True),
        ("Report.Yml", True),
        ("job.json", True),
        ("JOB.JSON", True),
        ("a.yaml ", True),
        (".MySchedulerIgnore", True),
        ("myschedulerignore", True),
        (".my-scheduler-ignore", True),
        (".myschedulerignore.txt", True),
        ("a.yaml", False),
        ("a.yml", False),
        ("a.yaml.bak", False),
        ("a.yml.txt", True),
        ("A.Yaml.TXT", True),
        ("job.jsonc", True),
        ("job.json5", True),
        ("w.yalm", True),
        ("w.ymal", True),
        ("notes.txt", False),
        ("p.yml.disabled", False),
        ("exam", False),
        ("a.YAML~", False),
        ("#a.YAML#", False),
        (".a.YAML.swp", False),
        (".a.YAML", False),
        (".eslintrc.json", False),
        ("a.yaml.j2", False),
        ("a.yaml.disabled", False),
        ("a.jsonl", False),
        ("README.md", False),
        ("LICENSE", False),
        ("yaml", False),
        ("a_yaml", False),
    ],
)
def test_names(name: str, is_told: bool) -> None:
    assert is_stray(name) is is_told


def test_what_is_told_of_a_name() -> None:
    (upper, json, ignore) = stray_problems(["Report.YAML", "t/job.json", f"t/{IGNORE}"])
    assert str(upper) == (
        "Report.YAML:1:1: warning: is not read, since names of manifests end in .yaml or .yml: rename it if it is a "
        "manifest, else name it in .myschedulerignore [not-read]"
    )
    assert str(json) == (
        "t/job.json:1:1: warning: is not read, since names of manifests end in .yaml or .yml: JSON is valid YAML, so "
        "rename it if it is a manifest, else name it in .myschedulerignore [not-read]"
    )
    assert str(ignore) == (
        "t/.myschedulerignore:1:1: warning: is not read: name the files that are not manifests in .myschedulerignore "
        "at the root of the source [not-read]"
    )


def test_a_policy_that_is_not_in_force_is_an_error() -> None:
    (problem,) = stray_problems(["Policy.YAML"])
    assert str(problem) == (
        "Policy.YAML:1:1: error: is not read, so it has no effect: did you mean policy.yaml at the root? Then rename "
        "the file [not-read]"
    )
    (problem,) = stray_problems(["policy.yaml.txt"])
    assert (problem.severity, "did you mean policy.yaml at the root?" in problem.message) == (Severity.ERROR, True)
    (problem,) = _parse("allow_hosts: [a.test]\n", "team/policy.yaml").problems
    assert str(problem) == (
        "team/policy.yaml:1:1: error: job_id: is missing, so this is not a manifest: did you mean policy.yaml at the "
        "root? Then move the file [missing-field]"
    )
    assert _parse(f"job_id: a\n{GOOD}", "team/policy.yaml").problems == ()


def test_an_access_file_that_is_not_in_force_is_an_error() -> None:
    (problem,) = stray_problems(["access.yaml.txt"])
    assert (problem.severity, "did you mean access.yaml at the root?" in problem.message) == (Severity.ERROR, True)
    (problem,) = _parse("tokens: []\n", "team/access.yaml").problems
    assert "did you mean access.yaml at the root? Then move the file" in problem.message


def test_not_all_names_are_told() -> None:
    told = list(stray_problems(f"{number:03}.json" for number in range(1_000)))
    assert len(told) == MOST_STRAYS + 1
    assert (told[-1].rule, told[-1].severity) == ("more-problems", Severity.WARNING)


def _parse(text: str | bytes, path: str = "a.yaml") -> ParsedFile:
    content = text if isinstance(text, bytes) else text.encode()
    return parse_file(SourceFile.of(path, content), zone="Asia/Tokyo")


COMPOSE = "services:\n  web:\n    image: nginx\n    labels: {ofelia.job-exec.x.schedule: '@every 5s'}\n"
WORKFLOW = "name: ci\non:\n  schedule:\n    - cron: '0 0 * * *'\njobs:\n  build: {runs-on: ubuntu-latest}\n"
STRAYS = {
    "docker-compose": COMPOSE,
    "workflow of GitHub": WORKFLOW,
    "values of a chart": "replicaCount: 1\ntimezone: Asia/Tokyo\nimage: {tag: '1'}\nlabels: {a: b}\n",
    "GitLab": "stages: [test]\ntest:\n  script: [make]\n  only: [schedules]\n",
    "several documents": "--- {a: 1}\n--- {b: 2}\n--- [c]\n",
    "beside an object of Kubernetes": "a: 1\n---\napiVersion: v1\nkind: Service\n",
    "playbook": "- hosts: all\n  tasks: [{name: x}]\n",
    "JSON": '{"name": "app", "version": "1.0", "scripts": {}}',
    "OpenAPI": "openapi: 3.1.0\ninfo: {title: x}\npaths: {/a: {get: {}}}\n",
    "nothing in a mapping": "{}\n",
    "nothing in a list": "[]\n",
    "template of Helm": "{{- if .Values.x }}\napiVersion: v1\nkind: Service\n{{- end }}\n",
    "template of Jinja": "{% for x in y %}\n- {{ x }}: [\n{% endfor %}\n",
    "surprises of YAML": "on: yes\nversion: 1e3\n",
}


@pytest.mark.parametrize("text", STRAYS.values(), ids=STRAYS)
def test_what_is_no_manifest(text: str) -> None:
    parsed = _parse(text)
    (problem,) = parsed.problems
    assert str(problem).partition(": ")[2] == (
        "warning: is not a manifest: it has no job_id and no schedule. Name it in .myschedulerignore at the root of "
        "the source, or keep it elsewhere [not-a-manifest]"
    )
    assert (parsed.is_mute, parsed.is_opaque, parsed.is_nameless) == (True, False, False)
    assert parsed.outline() is None


ERRORS = {
    "no id": GOOD,
    "no schedule": "job_id: a\ntarget_url: http://x\n",
    "nothing but a schedule": "cron: '0 0 * * *'\n",
    "other spelling of the id": "jobId: a\nurl: http://x\n",
    "other spellings": "target-url: http://x\n",
    "a slip of the pen": "target_ulr: http://x\nname: a\n",
    "another word": "name: a\nschedule: '@daily'\n",
    "a call": "name: a\nurl: http://x\nmethod: POST\n",
    "its settings alone": "max_retries: 3\ntimeout_sec: 10\n",
    "a list of jobs": f"- job_id: a\n  {GOOD.replace(chr(10), chr(10) + '  ')}",
    "a list of crons": "- cron: 0 0 * * *\n",
    "jobs in a mapping": "jobs:\n- {job_id: a, cron: '0 0 * * *'}\n",
    "targets in a mapping": "jobs:\n- {name: a, target_url: http://x}\n",
    "an id without a space": "job_id:a\n",
    "what is left of an id": "job\n",
    "a number": "1\n",
    "a template of a manifest": "{{ if x }}\njob_id: a\n{{ end }}\n",
    "a template of a schedule": "{% if x %}\ncron: '{{ x }}'\n{% endif %}\n",
    "no YAML": "a: [\n",
    "zeros of a disk": b"\0" * 512,
    "no UTF-8": b"a: \xe9\n",
    "beside a job": f"job_id: a\n{GOOD}---\nservices: {{}}\n",
}


@pytest.mark.parametrize("text", ERRORS.values(), ids=ERRORS)
def test_what_may_be_meant_as_a_manifest_is_an_error(text: str | bytes) -> None:
    parsed = _parse(text)
    assert Severity.ERROR in {problem.severity for problem in parsed.problems}
    assert not parsed.is_mute


@pytest.mark.parametrize(
    ("text", "is_mute"), [("", True), (" \r\n \n", True), ("\ufeff", True), ("# a\n", False), ("---\n", False)]
)
def test_an_empty_file_says_nothing(text: str, is_mute: bool) -> None:
    assert (_parse(text).is_mute, _parse(text).problems) == (is_mute, ())


def test_keys_of_a_config_map_are_files_of_a_folder() -> None:
    keys = {"a.yaml": f"job_id: a\n{GOOD}", "app.yaml": COMPOSE, "drafts.yaml": "[", ".b.yaml": "[", IGNORE: "dr*"}
    inner = "".join(
        f"  {key}: |\n" + "".join(f"    {line}\n" for line in text.splitlines()) for key, text in keys.items()
    )
    parsed = _parse(f"apiVersion: v1\nkind: ConfigMap\ndata:\n{inner}")
    assert [job.job_id for job in parsed.jobs] == ["a"]
    assert [(problem.rule, problem.line) for problem in parsed.problems] == [("not-a-manifest", 9)]


def test_an_ignore_file_in_a_config_map_that_can_not_be_read() -> None:
    parsed = _parse(f"apiVersion: v1\nkind: ConfigMap\ndata:\n  a.yaml: 'job_id: a'\n  {IGNORE}: \"a\\0\"\n")
    assert [(problem.rule, problem.line) for problem in parsed.problems] == [("unreadable", 5)]
    assert parsed.is_opaque
    assert not parsed.jobs


# --- jobs that were declared there ---


def _desired(**files: str) -> Desired:
    read = [SourceFile.of(path, text.encode()) for path, text in files.items()]
    return combine([parse_file(file, zone="Asia/Tokyo") for file in read], Snapshot.of(read))


def _known(job_id: str, path: str) -> Known:
    return Known(job_id, Owner.MANIFEST, "1", 1, path, 1)


@pytest.mark.parametrize("text", ["", "\n", *STRAYS.values()])
def test_a_file_that_was_a_manifest_holds_its_jobs(text: str) -> None:
    plan = make_plan(_desired(a=text, b=f"job_id: b\n{GOOD}"), {"x": _known("x", "a"), "y": _known("y", "a")})
    assert [change for change in plan.changes if isinstance(change, Hold)] == [
        Hold(_known("x", "a")),
        Hold(_known("y", "a")),
    ]
    (problem,) = plan.problems
    assert str(problem) == (
        "a:1:1: error: is no longer a manifest, so the jobs that it declared stay as they were ('x', 'y'): restore it; "
        "or, to delete them, delete the file, leave only a comment in it, or name it in .myschedulerignore "
        "[not-a-manifest]"
    )


def test_a_file_that_never_was_one_holds_nothing() -> None:
    """And so it is no reason to doubt that others are gone: it would be one for ever."""
    plan = make_plan(_desired(a=COMPOSE, b=f"job_id: b\n{GOOD}"), {"x": _known("x", "c")})
    assert Delete(_known("x", "c")) in plan.changes
    assert [problem.severity for problem in plan.problems] == [Severity.WARNING]


def test_a_job_that_moved_is_not_held() -> None:
    plan = make_plan(_desired(a="", b=f"job_id: x\n{GOOD}"), {"x": _known("x", "a")})
    assert plan.problems == ()
    assert not any(isinstance(change, Hold | Delete) for change in plan.changes)


def test_a_source_of_nothing_else_reads_as_empty() -> None:
    plan = make_plan(_desired(a=COMPOSE, b=""), {"x": _known("x", "c")})
    assert plan.blocked is not None
    assert plan.blocked.reason.startswith("the source reads as empty")


def test_what_is_not_read_and_lines_that_match_nothing_are_problems_of_the_source() -> None:
    snapshot = replace(Snapshot.of([], ignore=SourceFile.of(IGNORE, b"[\n")), strays=("a.json",))
    desired = combine([], snapshot)
    assert [(problem.path, problem.rule) for problem in desired.problems] == [
        (IGNORE, "invalid-pattern"),
        ("a.json", "not-read"),
    ]
