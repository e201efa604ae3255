"""`myscheduler validate` as people and pipelines see it: whole outputs and exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from myscheduler.cli.reports import FORMATS
from tests.support.files import write
from tests.support.service import environment

GOOD = """\
job_id: report
cron: "30 10 * * mon-fri"
target_url: https://example.com/report
---
job_id: 集計
interval: {minutes: 10}
target_url: https://example.com/count
"""
BAD = """\
job_id: broken
cron: {minute: "61"}
target_url: ftp://example.com/
---
job_id: typo
interval: {hours: 1}
target_ulr: https://example.com/
"""
LINKED = """\
job_id: a
cron: "0 3 * * *"
requires: [{job: b, within: PT1H},
           {job: nobody, within: PT1H}]
target_url: https://example.com/a
---
job_id: c
after: [{job: a}, {job: b}]
target_url: https://example.com/c
---
job_id: d
join: any
method: POST
after: [{job: a, on: always}, {job: b}]
body: {rows: "{{ after['b'].rows }}"}
target_url: https://example.com/d
---
job_id: b
cron: "0 4 * * *"
target_url: https://example.com/b
"""
ONCE = """\
job_id: once
run_at: "2026-06-01T09:00:00"
target_url: https://example.com/once
"""
BEFORE, AFTER = "2026-05-31T23:59:59Z", "2026-06-01T00:00:01Z"
"""Around ONCE as Tokyo reads it."""
CONFIG_MAP = """\
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: jobs}
data:
  README.md: "job_id: [no manifest"
  jobs.yaml: |
    job_id: one
    interval: {hours: 1}
    target_url: https://example.com/one
    ---
    job_id: two
    interval: {hours: 1}
    target_url: example.com/two
"""


def validate(*arguments: str, stdin: str | None = None, **env: str) -> Result:
    return CliRunner().invoke(main, ["validate", *arguments], input=stdin, env=env, prog_name="myscheduler")


def told(result: Result) -> tuple[int, str, str]:
    return result.exit_code, result.stdout, result.stderr


def test_nothing_to_say() -> None:
    write("jobs.d/good.yaml", GOOD)
    assert told(validate("jobs.d")) == (0, "2 jobs, no problems\n", "")


def test_every_problem_with_its_place() -> None:
    write("jobs.d/good.yaml", GOOD)
    write("jobs.d/team/bad.yml", BAD)
    write("jobs.d/team/once.yml", ONCE)
    write("jobs.d/.git/config.yaml", "not: [looked at")
    write("jobs.d/notes.txt", "not: [looked at")
    expected = """\
        jobs.d/team/bad.yml:2:16: error: cron.minute: `61` is out of range: minute takes 0-59 [invalid-cron]
        jobs.d/team/bad.yml:3:13: error: target_url: has to start with http:// or https://, not with ftp:// [invalid-url]
        jobs.d/team/bad.yml:5:1: error: target_url: is missing [missing-field]
        jobs.d/team/bad.yml:7:1: error: target_ulr: unknown key 'target_ulr': did you mean 'target_url'? [unknown-key]
        jobs.d/team/once.yml:2:9: warning: run_at: is in the past, so the job will never run: write a later time, or remove the job [run-at-past]
        3 jobs, 4 errors, 1 warning
        """  # noqa: E501 - whole lines of output
    assert told(validate("--now", AFTER, "jobs.d")) == (1, dedent(expected), "")


@pytest.mark.parametrize("path", ["jobs.d", "jobs.d/big.yaml"])
def test_a_file_of_50_mb(path: str) -> None:
    write("jobs.d/big.yaml", "job_id: a\n" * 5_000_000)
    result = validate(path)
    message = "can't be read (larger than 10 MiB): its jobs stay as they were [unreadable]"
    assert told(result) == (1, f"jobs.d/big.yaml:1:1: error: {message}\n0 jobs, 1 error\n", "")


def test_json() -> None:
    write("jobs.d/good.yaml", GOOD)
    write("jobs.d/bad.yaml", "job_id: 日報\ninterval: {minutes: 10}\ntarget_url: https://example.com/\ncorn: 1\n")
    result = validate("--format", "json", "jobs.d")
    expected = """\
        {
          "valid": false,
          "jobs": 2,
          "problems": [
            {
              "path": "jobs.d/bad.yaml",
              "line": 4,
              "column": 1,
              "field": "corn",
              "rule": "unknown-key",
              "severity": "error",
              "message": "unknown key 'corn': did you mean 'cron'?",
              "message_coded": {
                "code": "unknown-key",
                "params": {
                  "name": "corn",
                  "advice": {
                    "code": "did-you-mean",
                    "params": {
                      "word": "cron"
                    },
                    "text": ": did you mean 'cron'?"
                  },
                  "spaced": ""
                },
                "text": "unknown key 'corn': did you mean 'cron'?"
              }
            }
          ]
        }
        """
    assert told(result) == (1, dedent(expected), "")


@pytest.mark.parametrize(
    ("arguments", "code", "valid"),
    [
        pytest.param(["--now", BEFORE], 0, True, id="still to come"),
        pytest.param(["--now", AFTER], 0, True, id="past is a warning"),
        pytest.param(["--now", BEFORE, "--strict"], 0, True, id="strict, still to come"),
        pytest.param(["--now", AFTER, "--strict"], 1, False, id="strict, past is a failure"),
        pytest.param(["--now", "2020-01-01T00:00:00Z"], 0, True, id="long before"),
        pytest.param(["--now", AFTER, "--strict", "--timezone", "America/New_York"], 0, True, id="later in New York"),
        pytest.param(
            ["--now", BEFORE, "--strict", "--timezone", "Pacific/Auckland"], 1, False, id="sooner in Auckland"
        ),
    ],
)
def test_one_off_in_the_past(arguments: list[str], code: int, valid: bool) -> None:
    write("once.yaml", ONCE)
    result = validate(*arguments, "--format", "json", "once.yaml")
    assert (result.exit_code, json.loads(result.stdout)["valid"]) == (code, valid)


def test_zone_of_the_environment() -> None:
    write("once.yaml", ONCE)
    arguments = ["--now", AFTER, "--strict", "once.yaml"]
    assert validate(*arguments).exit_code == 1
    assert validate(*arguments, TZ="America/New_York").exit_code == 0
    assert validate("--timezone", "Asia/Tokyo", *arguments, TZ="America/New_York").exit_code == 1


def test_a_link_with_a_mistake_is_pointed_at_itself() -> None:
    write("jobs/a.yaml", LINKED)
    expected = (
        "jobs/a.yaml:4:18: error: requires.1.job: there is no job 'nobody' [chain-unknown]\n"
        "jobs/a.yaml:8:8: error: after: 'a' and 'b' do not begin with a common job, so no run has both: use join: any, "
        "or a schedule with requires [chain-root]\n"
        "jobs/a.yaml:14:37: error: after.1.job: 'b' extracts nothing: add extract: {'rows': /…} to it [chain-value]\n"
        "1 job, 3 errors\n"
    )
    assert validate("jobs").stdout == expected


def test_standard_input() -> None:
    assert told(validate("-", stdin=GOOD)) == (0, "2 jobs, no problems\n", "")
    broken = validate("-", stdin="job_id: x\ntarget_url: https://example.com/\n")
    expected = (
        "<stdin>:1:1: error: the job has no schedule: write exactly one of cron, interval, run_at and after "
        "[schedule]\n"
        "0 jobs, 1 error\n"
    )
    assert told(broken) == (1, expected, "")


def test_rendered_chart() -> None:
    expected = (
        "<stdin>:17:17: error: target_url: has to start with http:// or https:// [invalid-url]\n"
        "1 job, 1 error, 1 Kubernetes object without manifests skipped\n"
    )
    assert told(validate("-", stdin=CONFIG_MAP)) == (1, expected, "")


def test_what_kubectl_prints() -> None:
    items = "".join(f"  {line}" for line in CONFIG_MAP.partition("---\n")[2].splitlines(keepends=True))
    text = f"apiVersion: v1\nkind: List\nitems:\n- {items.removeprefix('  ')}"
    expected = "<stdin>:16:19: error: target_url: has to start with http:// or https:// [invalid-url]\n1 job, 1 error\n"
    assert told(validate("-", stdin=text)) == (1, expected, "")
    assert told(validate("-", stdin="\ufeff" + text.replace("\n", "\r\n"))) == (1, expected, "")


def test_files_folders_and_standard_input_together() -> None:
    write("a/one.yaml", GOOD)
    write("b/any.name", ONCE)
    result = validate("a", "b/any.name", "-", "--now", BEFORE, stdin=GOOD.replace("report", "r").replace("集計", "s"))
    assert told(result) == (0, "5 jobs, no problems\n", "")


def test_same_file_by_two_ways_is_read_once() -> None:
    write("jobs.d/good.yaml", GOOD)
    assert told(validate("jobs.d", "jobs.d/good.yaml")) == (0, "2 jobs, no problems\n", "")


@pytest.mark.parametrize("paths", [("a", "./a"), ("a", "{here}/a"), ("{here}/a/x.yaml", "a"), ("a/x.yaml", "link")])
def test_same_file_by_several_spellings_is_read_once(paths: tuple[str, ...]) -> None:
    write("a/x.yaml", ONCE)
    write("a/policy.yaml", "max_retries: x\n")
    Path("link").symlink_to("a")
    result = validate("--now", BEFORE, *(path.format(here=Path.cwd()) for path in paths))
    assert result.stdout.splitlines()[1:] == ["1 job, 1 error"]


def test_standard_input_is_read_once() -> None:
    assert told(validate("-", "-", "--now", BEFORE, stdin=ONCE)) == (0, "1 job, no problems\n", "")


def test_same_id_in_two_paths() -> None:
    write("a.yaml", ONCE)
    write("b.yaml", "# another\n" + ONCE)
    message = "'once' is declared in a.yaml:1 and b.yaml:2: rename or remove one; until then the job stays as it was"
    expected = (
        f"a.yaml:1:1: error: job_id: {message} [duplicate-id]\n"
        f"b.yaml:2:1: error: job_id: {message} [duplicate-id]\n"
        "0 jobs, 2 errors\n"
    )
    assert told(validate("a.yaml", "b.yaml", "--now", BEFORE)) == (1, expected, "")


CLOSED = "standard input is closed: pipe the text in, or name a file"


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param("validate - <&-", CLOSED, id="no input"),
        pytest.param("import-crontab <&-", CLOSED, id="no crontab"),
        pytest.param(
            "validate - </dev/null >/dev/full", "the output can't be written: No space left on device", id="no room"
        ),
    ],
)
def test_streams_that_can_not_be_used(command: str, message: str) -> None:
    shell = f'exec "{sys.executable}" -m myscheduler {command}'
    done = subprocess.run(["sh", "-c", shell], env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"Error: {message}\n")


@pytest.mark.parametrize("name", ["jobs.d/a.yaml", "jobs.d/policy.yaml", "jobs.d/calendars.yaml"])
def test_a_pipe_is_not_waited_for(name: str) -> None:
    write("jobs.d/b.yaml", ONCE)
    os.mkfifo(name)
    paths = ["jobs.d/b.yaml", "jobs.d/a.yaml"] if name == "jobs.d/a.yaml" else ["jobs.d/b.yaml"]
    result = validate("--now", BEFORE, *paths)
    assert result.exit_code == 1
    assert f"{name}:1:1: error: can't be read (is not a regular file)" in result.stdout


@pytest.mark.parametrize("output", FORMATS)
def test_a_path_that_is_no_utf_8(output: str) -> None:
    folder = os.fsdecode(b"a\xff")
    write(f"{folder}/b.yaml", BAD)
    for path in (folder, f"{folder}/b.yaml"):
        result = validate("--format", output, path)
        assert (result.exit_code, type(result.exception)) == (1, SystemExit)
        assert "xff/b.yaml" in result.stdout.replace("%5Cxff", "xff")


def test_what_the_shell_opened_may_be_a_pipe() -> None:
    write("a.yaml", ONCE)
    shell = f'cat a.yaml | "{sys.executable}" -m myscheduler validate --now {BEFORE} /dev/stdin'
    done = subprocess.run(["sh", "-c", shell], env=environment(), capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "1 job, no problems\n", "")


def test_no_manifests_is_a_warning() -> None:
    Path("empty").mkdir()
    warning = "warning: no manifests found\n"
    assert told(validate("empty")) == (0, "0 jobs, no problems\n", warning)
    assert told(validate("-", stdin="")) == (0, "0 jobs, no problems\n", warning)
    pods = "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n"
    counted = "0 jobs, no problems, 2 Kubernetes objects without manifests skipped\n"
    assert told(validate("-", stdin=pods)) == (0, counted, warning)
    result = validate("--format", "json", "empty")
    assert (result.exit_code, json.loads(result.stdout)) == (0, {"valid": True, "jobs": 0, "problems": []})
    assert result.stderr == warning


@pytest.mark.parametrize(
    ("patterns", "excluded", "code"),
    [
        pytest.param(["drafts/"], 2, 0, id="a folder at any depth"),
        pytest.param(["/drafts/"], 1, 1, id="a folder at the root"),
        pytest.param(["**/drafts/*.yaml"], 2, 0, id="files in folders"),
        pytest.param(["*.yaml", "!good.yaml"], 2, 0, id="all but one"),
        pytest.param(["/drafts/bad.yaml", "team/drafts/"], 2, 0, id="two patterns"),
        pytest.param(["# drafts/", ""], 0, 1, id="a comment and nothing"),
        pytest.param(["nothing/"], 0, 1, id="no match"),
    ],
)
def test_excluded_files_are_counted(patterns: list[str], excluded: int, code: int) -> None:
    write("jobs.d/good.yaml", GOOD)
    write("jobs.d/drafts/bad.yaml", BAD)
    write("jobs.d/team/drafts/bad.yaml", BAD)
    result = validate("jobs.d", *(part for pattern in patterns for part in ("--exclude", pattern)))
    left_out = {0: "", 1: ", 1 file excluded", 2: ", 2 files excluded"}[excluded]
    assert result.exit_code == code
    assert result.stdout.endswith(f"{left_out}\n")
    assert "excluded" not in result.stdout or excluded


def test_a_file_that_is_named_is_never_excluded() -> None:
    write("drafts/bad.yaml", BAD)
    assert validate("drafts/bad.yaml", "--exclude", "drafts/", "--exclude", "*.yaml").exit_code == 1


def test_excluding_everything_is_told() -> None:
    write("jobs.d/bad.yaml", BAD)
    expected = (0, "0 jobs, no problems, 1 file excluded\n", "warning: no manifests found\n")
    assert told(validate("--exclude", "*", "jobs.d")) == expected


def test_excluded_folders_need_not_be_readable() -> None:
    write("jobs.d/good.yaml", GOOD)
    Path("jobs.d/private").symlink_to("nowhere")
    Path("jobs.d/private.yaml").symlink_to("nowhere")
    assert validate("jobs.d").exit_code == 1
    excluded = validate("jobs.d", "--exclude", "private*")
    assert (excluded.exit_code, excluded.stdout) == (0, "2 jobs, no problems, 2 files excluded\n")


def test_jobs_d_is_the_default() -> None:
    write("jobs.d/good.yaml", GOOD)
    assert told(validate()) == (0, "2 jobs, no problems\n", "")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        pytest.param([], "Invalid value for '[PATHS]...': Path 'jobs.d' does not exist.", id="no jobs.d here"),
        pytest.param(["nope"], "Invalid value for '[PATHS]...': Path 'nope' does not exist.", id="no such path"),
        pytest.param(
            ["--format", "xml"],
            "Invalid value for '--format': 'xml' is not one of 'text', 'json', 'github', 'junit', 'sarif'.",
            id="format",
        ),
        pytest.param(
            ["--timezone", "Asia/Tokio"],
            "Invalid value for '--timezone' (env var: 'TZ'): 'Asia/Tokio' is not a time zone; did you mean Asia/Tokyo?",
            id="zone",
        ),
        pytest.param(
            ["--exclude", "a/", "--exclude", "[z"],
            "Invalid value for '--exclude': '[z' is not a valid .gitignore pattern",
            id="pattern",
        ),
        pytest.param(
            ["--exclude", "!"],
            "Invalid value for '--exclude': '!' is not a valid .gitignore pattern",
            id="empty pattern",
        ),
        pytest.param(["--quiet"], "No such option '--quiet'.", id="unknown option"),
    ],
)
def test_wrong_usage(arguments: list[str], line: str) -> None:
    usage = "Usage: myscheduler validate [OPTIONS] [PATHS]...\nTry 'myscheduler validate --help' for help.\n"
    assert told(validate(*arguments)) == (2, "", f"{usage}\nError: {line}\n")


def test_wrong_now() -> None:
    result = validate("--now", "yesterday", "-", stdin=GOOD)
    assert result.exit_code == 2
    assert "Error: Invalid value for '--now': 'yesterday' is not a date with a time; write a time" in result.stderr


def test_colours_only_on_a_terminal() -> None:
    arguments = ["validate", "-"]
    assert "\x1b[31m error: " in CliRunner().invoke(main, arguments, input=BAD, color=True).stdout
    assert "\x1b" not in CliRunner().invoke(main, arguments, input=BAD).stdout


def test_help() -> None:
    expected = """\
        Usage: myscheduler validate [OPTIONS] [PATHS]...

          Check manifests, and report every problem with its location and what to write instead.

          PATHS are files, folders, and - for standard input; the default is jobs.d. Manifests inside
          ConfigMaps are checked, too; other Kubernetes objects are skipped.

          Examples:
            myscheduler validate jobs.d
            myscheduler validate --strict --format junit jobs.d > report.xml
            helm template ./chart | myscheduler validate -
            myscheduler validate --staged jobs.d
            myscheduler validate --secret-names names.txt jobs.d

          Exits with 0 when there are no problems, 1 when there are, 2 when a path doesn't exist.

        Options:
          --staged                        Check the files staged in git, as the next commit would contain
                                          them.
          --format [text|json|github|junit|sarif]
                                          The output format: github annotates pull requests, junit is for
                                          test reports, sarif for code scanning.  [default: text]
          --strict                        Fail on warnings, too.
          --exclude PATTERN               Leave out files that match PATTERN, as a line of a .gitignore in
                                          each folder would. May be repeated.
          --timezone TEXT                 The time zone of the service, for local times and for jobs without
                                          a time zone.  [env var: TZ; default: Asia/Tokyo]
          --now ISO                       Use this time as now, to find one-off jobs in the past (RFC 3339).
          --secret-names FILE             A list of the secrets that exist, one name a line: references to
                                          others are errors.
          -h, --help                      Show this message and exit.
        """
    result = CliRunner().invoke(main, ["validate", "--help"], prog_name="myscheduler", terminal_width=100)
    assert told(result) == (0, dedent(expected), "")


def test_a_single_file_takes_the_calendars_of_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    write("jobs.d/calendars.yaml", "office: {country: JP}\n")
    write("jobs.d/team/a.yaml", GOOD.replace("---", "calendar: {name: office, only: business_days}\n---"))
    assert told(validate("jobs.d/team/a.yaml")) == (0, "2 jobs, no problems\n", "")
    assert told(validate("jobs.d/team")) == (0, "2 jobs, no problems\n", "")
    monkeypatch.chdir("jobs.d/team")
    assert told(validate("a.yaml")) == (0, "2 jobs, no problems\n", "")
    write("../calendars.yaml", "office: {country: XX}\n")
    result = validate("a.yaml")
    assert (result.exit_code, "../calendars.yaml:1:19: error: office.country" in result.stdout) == (1, True)
    monkeypatch.chdir("..")
    write("team/.git/HEAD", "")
    assert "it has to be defined in calendars.yaml" in validate("team/a.yaml").stdout


def test_a_config_map_brings_its_calendars() -> None:
    key = "  calendars.yaml: |\n    office: {country: JP}\n  jobs.yaml: |\n"
    job = "    job_id: one\n    cron: '0 9 * * *'\n    calendar: {name: office, only: business_days}\n"
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: jobs}\ndata:\n"
    text = f"{head}{key}{job}    target_url: https://example.com/\n"
    assert told(validate("-", stdin=text)) == (0, "1 job, no problems\n", "")
    broken = validate("-", stdin=text.replace("country: JP", "country: XX"))
    assert "<stdin>:6:23: error: office.country: 'XX' is not an ISO 3166 country code" in broken.stdout


SECRETIVE = """\
job_id: a
interval: {hours: 1}
target_url: https://user:${secret:db-pasword}@example.com/
headers:
  Authorization: Bearer ${secret:token}
body:
  deep: [x, "${secret:elsewhere} ${secret:token} $${secret:literal}"]
"""


def test_references_are_compared_with_the_names_of_secrets() -> None:
    write("jobs.d/a.yaml", SECRETIVE)
    write("names.txt", "# of the cluster\ntoken\n\n  db-password  \n")
    assert told(validate("jobs.d")) == (0, "1 job, no problems\n", "")
    typo = "target_url: there is no secret 'db-pasword': did you mean 'db-password'?"
    other = "body.deep.1: there is no secret 'elsewhere': add it, or use one that exists"
    expected = f"""\
        jobs.d/a.yaml:3:13: error: {typo} [unknown-secret]
        jobs.d/a.yaml:7:13: error: {other} [unknown-secret]
        1 job, 2 errors
        """
    assert told(validate("--secret-names", "names.txt", "jobs.d")) == (1, dedent(expected), "")
    write("names.txt", "\ufefftoken\ndb-pasword\nelsewhere\n")
    assert told(validate("--secret-names", "names.txt", "jobs.d")) == (0, "1 job, no problems\n", "")


def test_references_of_channels_are_compared_with_the_names_of_secrets() -> None:
    write("jobs.d/a.yaml", GOOD)
    write("names.txt", "slack\nsigning-2\n")
    channels = """\
        channels:
          chat: {kind: slack, url: "${secret:slak}"}
          hook: {kind: webhook, url: https://example.com/, secret: ["${secret:signing-1}", "${secret:signing-2}"]}
        default: {channels: [chat, hook]}
        """
    write("jobs.d/notifications.yaml", dedent(channels))
    assert told(validate("jobs.d")) == (0, "2 jobs, no problems\n", "")
    file = "jobs.d/notifications.yaml"
    typo = "channels.chat.url: there is no secret 'slak': did you mean 'slack'?"
    other = "channels.hook.secret.0: there is no secret 'signing-1': did you mean 'signing-2'?"
    expected = f"""\
        {file}:2:28: error: {typo} [unknown-secret]
        {file}:3:61: error: {other} [unknown-secret]
        2 jobs, 2 errors
        """
    assert told(validate("--secret-names", "names.txt", "jobs.d")) == (1, dedent(expected), "")
    write("names.txt", "slak\nsigning-1\nsigning-2\n")
    assert told(validate("--secret-names", "names.txt", "jobs.d")) == (0, "2 jobs, no problems\n", "")


def test_references_within_a_config_map_have_their_places() -> None:
    write("names.txt", "")
    text = CONFIG_MAP.replace("https://example.com/one", "https://example.com/${secret:x}")
    assert (
        "<stdin>:13:17: error: target_url: there is no secret 'x'"
        in validate("--secret-names", "names.txt", "-", stdin=text).stdout
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"token\nmy secret value\n", "names.txt: line 2 is not the name of a secret", id="no name"),
        pytest.param(b"\xff", "names.txt is not UTF-8", id="not UTF-8"),
    ],
)
def test_names_that_can_not_be_read(content: bytes, message: str) -> None:
    write("jobs.d/a.yaml", GOOD)
    Path("names.txt").write_bytes(content)
    result = validate("--secret-names", "names.txt", "jobs.d")
    assert (result.exit_code, message in result.stderr) == (2, True)
    assert "my secret value" not in result.stderr


def test_a_file_of_names_that_is_missing() -> None:
    assert validate("--secret-names", "nowhere.txt").exit_code == 2
