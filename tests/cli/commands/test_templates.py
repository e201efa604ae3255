"""Templates as people and pipelines see them: `validate`, `preview --rendered`, `export` and `import-crontab`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.manifest.writing import document, fault_of, manifest_fields
from myscheduler.core.source.snapshot import SourceFile

JOB = """\
job_id: 集計
cron: "30 9 * * *"
timezone: Asia/Tokyo
method: POST
target_url: "{{ vars.base_url }}/count/{{ scheduled_at | date('%Y%m%d') }}"
headers: {Authorization: "Bearer ${secret:KEY}", X-Api-Key: literal-key-123, X-Run: ["{{ execution_id }}", b]}
body: {since: "{{ previous_scheduled_at }}", limit: "{{ vars.limit }}"}
"""


def run(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, arguments, env=env, prog_name="myscheduler")


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d/count.yaml").write_text(JOB, encoding="utf-8")
    (tmp_path / "jobs.d/vars.yaml").write_text("base_url: https://staging.example\nlimit: 5\n", encoding="utf-8")
    return tmp_path / "jobs.d"


@pytest.mark.parametrize(
    ("line", "column"),
    [
        pytest.param("body: a {{ x }}", 12, id="plain"),
        pytest.param("body: 'a {{ x }}'", 13, id="single quotes"),
        pytest.param('body: "a {{ x }}"', 13, id="double quotes"),
        pytest.param('body: "日本 {{ x }}"', 14, id="Japanese"),
        pytest.param('body: {a: ["", "{{ x }}"]}', 20, id="nested"),
        pytest.param('body: "a\\t {{ x }}"', 7, id="with an escape: where the text begins"),
        pytest.param("body: 'it''s {{ x }}'", 7, id="with a doubled quote"),
        pytest.param("body: |\n  a {{ x }}", 7, id="a block"),
        pytest.param("body: a\n  {{ x }}", 7, id="two lines"),
        pytest.param('headers: {X: "{{ scheduled_at | dat }}"}', 33, id="a filter"),
        pytest.param('target_url: "https://x.example/{{ job.x }}"', 35, id="a URL"),
    ],
)
def test_validate_names_line_and_column(source: Path, line: str, column: int) -> None:
    base = "job_id: a\ninterval: PT1H\n" + ("" if "target_url" in line else "target_url: https://x.example/\n")
    (source / "count.yaml").write_text(base + line, encoding="utf-8")
    result = run("validate", "--format", "json", "jobs.d")
    (problem,) = json.loads(result.output)["problems"]
    assert (problem["line"], problem["column"]) == (base.count("\n") + 1, column)
    assert (problem["rule"], result.exit_code) == ("invalid-template", 1)


@pytest.mark.usefixtures("source")
def test_preview_shows_the_requests() -> None:
    result = run("preview", "--rendered", "--from", "2027-03-01", "--count", "1", "jobs.d")
    assert result.output == (
        "集計: at 09:30, every day  [Asia/Tokyo]\n"
        "  Mon 2027-03-01 09:30:00 +09:00   2027-03-01 00:30:00Z\n"
        "    POST https://staging.example/count/20270301\n"
        "    Content-Type: application/json\n"
        "    Authorization: Bearer ${secret:KEY}\n"
        "    X-Api-Key: ••••\n"
        "    X-Run: 00000000-0000-0000-0000-000000000000\n"
        "    X-Run: b\n"
        "    \n"
        '    {"since":"2027-02-28T09:30:00+09:00","limit":5}\n'
    )


@pytest.mark.usefixtures("source")
def test_preview_shows_the_requests_as_json_with_the_environment() -> None:
    arguments = ("preview", "--rendered", "--from", "2027-03-01", "--count", "2", "--format", "json", "jobs.d")
    result = run(*arguments, MYSCHEDULER_VAR_BASE_URL="https://prod.example/api")
    (job,) = json.loads(result.output)["jobs"]
    assert [(one["at"], one["url"]) for one in job["requests"]] == [
        ("2027-03-01T09:30:00+09:00", "https://prod.example/api/count/20270301"),
        ("2027-03-02T09:30:00+09:00", "https://prod.example/api/count/20270302"),
    ]
    assert json.loads(job["requests"][0]["body"]) == {"since": "2027-02-28T09:30:00+09:00", "limit": 5}
    assert "literal-key-123" not in result.output


def test_preview_says_what_cannot_be_rendered(source: Path) -> None:
    (source / "count.yaml").write_text(
        'job_id: a\ncron: {year: 2099}\ntarget_url: https://x.example/\nbody: "{{ previous_scheduled_at }}"\n'
    )
    result = run("preview", "--rendered", "--count", "1", "jobs.d")
    assert "no slot is known before this one" in result.output
    assert run("preview", "--rendered", "--server", "http://127.0.0.1:1").exit_code == 2


@pytest.mark.usefixtures("source")
def test_an_unusable_variable_of_the_environment_ends_the_command() -> None:
    result = run("validate", "jobs.d", MYSCHEDULER_VAR_KEY="${secret:KEY}")
    assert (result.exit_code, "MYSCHEDULER_VAR_KEY" in result.output) == (2, True)


def test_a_broken_vars_file_is_reported_once_and_by_the_jobs_that_need_it(source: Path) -> None:
    (source / "vars.yaml").write_text("base_url: [x]\n")
    result = run("validate", "jobs.d")
    assert "jobs.d/vars.yaml:1:11: error" in result.output
    assert "jobs.d/count.yaml:5:17: error: target_url: there is no variable 'base_url'" in result.output


def test_an_exported_job_means_what_it_meant() -> None:
    spec, _ = declare({"job_id": "a", "interval": "PT1H", "target_url": "https://x.example/"}, zone="UTC")
    assert spec is not None
    old = from_json(to_json(spec) | {"body": {"{{ k }}": "{{ customer }} {{{x}"}, "headers": {"X": "{{"}})
    text = document(manifest_fields(old))
    (job,) = parse_file(SourceFile.of("a.yaml", text.encode()), zone="UTC").jobs
    assert (job.spec, fault_of(text, old, zone="UTC")) == (old, None)
    new, _ = declare(manifest_fields(spec) | {"body": "{{ job.id }} {{ '{{' }}"}, zone="UTC")
    assert new is not None
    assert fault_of(document(manifest_fields(new)), new, zone="UTC") is None


def test_braces_in_a_crontab_stay_braces(tmp_path: Path) -> None:
    crontab = tmp_path / "crontab"
    crontab.write_text("0 9 * * * curl -d '{{ x }}' https://x.example/hook\n")
    result = run("import-crontab", str(crontab))
    (job,) = parse_file(SourceFile.of("a.yaml", result.stdout.encode()), zone="UTC").jobs
    assert job.whole_spec.body == "{{ x }}"
