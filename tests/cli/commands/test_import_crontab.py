"""`myscheduler import-crontab`: whole outputs, files, and that the manifests call what curl calls."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.cli import main
from myscheduler.core.crontab.importing import import_crontab
from myscheduler.core.findings.problem import Severity
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.source.snapshot import SourceFile
from tests.support.golden import FOLDER, expect

TEAM = (FOLDER / "crontab" / "team").read_text("utf-8")
CREDENTIALS = ("tok-0123456789abcdef", "hunter2", "k-55aa55aa", "XXXXXXXX", "topsecret")
ONE = "@daily curl http://x.test/run\n"


def run(*arguments: str, stdin: str | bytes | None = None) -> Result:
    return CliRunner().invoke(main, ["import-crontab", *arguments], input=stdin, prog_name="myscheduler")


def test_a_crontab_with_much_in_it() -> None:
    Path("team.crontab").write_text(TEAM, encoding="utf-8")
    result = run("team.crontab")
    assert result.exit_code == 1
    expect("crontab/manifests.yaml", result.stdout)
    expect("crontab/told.txt", result.stderr)


def test_its_manifests_are_valid() -> None:
    assert run("--output", "jobs.d", stdin=TEAM).stdout == ""
    result = CliRunner().invoke(main, ["validate", "jobs.d"])
    assert result.exit_code == 1
    assert "error: tls.verify: " in result.stdout
    Path("jobs.d/policy.yaml").write_text("allow_insecure_tls: [api.example.com]\n", encoding="utf-8")
    result = CliRunner().invoke(main, ["validate", "jobs.d"])
    assert (result.exit_code, result.stdout) == (0, "14 jobs, no problems\n")


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_no_credential_gets_out(credential: str) -> None:
    assert credential in TEAM
    assert credential not in run(stdin=TEAM).output


def test_the_format_of_etc() -> None:
    result = run("--system", stdin="# Ping\n17 * * * * www-data  curl -m 5 http://x.test/run\n")
    assert result.exit_code == 0
    assert "name: Ping\ncron: '17 * * * *'\ntarget_url: http://x.test/run\ntimeout_sec: 5\n" in result.stdout


def test_nothing_to_take_over() -> None:
    result = run(stdin="# nothing\nMAILTO=x\n")
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "warning: no jobs found\n")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_crontab_with_a_byte_order_mark(encoding: str) -> None:
    result = run(stdin="# 日次\r\n@daily curl -m 5 http://x.test/run\r\n".encode(encoding))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "name: 日次\ncron: '@daily'\ntarget_url: http://x.test/run\n" in result.stdout


def test_the_zone_of_the_machine() -> None:
    crontab = "@daily curl -m 5 http://x.test/a\nCRON_TZ=Asia/Tokyo\nTZ=UTC\n@daily curl -m 5 http://x.test/b\n"
    result = run("--timezone", "Europe/Berlin", stdin=crontab)
    assert (result.exit_code, result.stderr) == (0, "")
    assert re.findall("timezone: (.*)", result.stdout) == ["Europe/Berlin", "Asia/Tokyo"]


def test_no_zone_is_wrong_usage() -> None:
    result = run("--timezone", "Europe/Berln", stdin=ONE)
    assert result.exit_code == 2
    assert "Europe/Berlin" in result.stderr


def test_the_zone_of_commands_is_none_of_times() -> None:
    result = run(stdin="TZ=Asia/Tokyo\n@daily curl -m 5 http://x.test/a\n")
    assert "timezone" not in result.stdout
    assert result.stderr == (
        "<stdin>:2:1: warning: TZ applies to the command, not to its times, which are in the zone of the machine: "
        "name that zone with --timezone, or with CRON_TZ for the lines below it [timezone]\n"
    )


def test_the_zone_of_many_commands_is_told_once() -> None:
    lines = "".join(f"@daily curl -m 5 http://x.test/{name}\n" for name in "abc")
    assert run(stdin=f"TZ=Asia/Tokyo\n{lines}").stderr == (
        "<stdin>:2:1: warning: TZ applies to the commands of 3 lines, not to their times, which are in the zone of the "
        "machine: name that zone with --timezone, or with CRON_TZ for the lines below it [timezone]\n"
    )


def test_variables_that_are_set_from_outside() -> None:
    crontab = 'HOST=old.test\n@daily . /etc/env; curl -m 5 -H "X-Key: $KEY" http://$HOST/$PART\n'
    result = run("--set", "HOST=x.test", "--set", "KEY=hunter2", "--set", "PART=a=b", stdin=crontab)
    assert result.exit_code == 0
    assert "target_url: http://x.test/a=b\nheaders:\n  X-Key: ${secret:KEY}\n" in result.stdout
    assert "hunter2" not in result.output


@pytest.mark.parametrize("setting", ["hunter2", "=hunter2", "1A=hunter2", "A B=hunter2"])
def test_settings_that_are_none(setting: str) -> None:
    result = run("--set", setting, stdin=ONE)
    assert result.exit_code == 2
    assert "write NAME=VALUE" in result.stderr
    assert "hunter2" not in result.output


def test_a_host_that_nothing_sets_asks_for_set() -> None:
    assert "--set NAME=VALUE sets one of the first kind" in run(stdin="@daily curl http://$HOST/a\n").stderr


def test_mail_is_told_once() -> None:
    crontab = "MAILTO=a@x.test\n" + ONE * 2 + 'MAILTO=""\n' + ONE
    told = [line for line in run(stdin=crontab).stderr.splitlines() if "MAILTO" in line]
    message = "cron mails what 2 lines print to MAILTO, a job mails nothing: the history has answers and failures"
    assert told == [f"<stdin>:2:1: warning: {message} [lost]"]


def test_a_line_with_several_calls_is_taken_over_whole_or_not_at_all() -> None:
    line = "@daily curl -m 5 http://x.test/run; curl -m 5 {}\n"
    result = run(stdin=line.format("http://x.test/b") + line.format("ftp://x.test/c") + ONE)
    assert result.exit_code == 1
    assert re.findall("job_id: (.*)", result.stdout) == ["run", "b", "run-2"]
    assert re.findall("# From line (.*) of", result.stdout) == ["1", "1", "3"]


def test_what_several_jobs_of_a_line_have_is_told_once() -> None:
    result = run(stdin="@daily flock -n /l sh -c 'curl -cjar -m 5 http://x.test/a; curl -cjar -m 5 http://x.test/b'\n")
    assert len(result.stderr.splitlines()) == 2


def test_values_from_files_are_secrets() -> None:
    result = run(stdin='@daily curl -m 5 -n -H "X: $(cat /run/secrets/api.key)" -d "a=$(cat ~/t)" http://x.test/a\n')
    assert "  X: ${secret:api.key}\n" in result.stdout
    assert "body: a=${secret:t}\n" in result.stdout
    how = "what `printf %s 'USER:PASSWORD' | base64` prints for its user and password"
    assert [line.split("warning: ")[1] for line in result.stderr.splitlines()] == [
        "the content of /run/secrets/api.key became ${secret:api.key}, which must hold it [secret]",
        "the content of ~/t became ${secret:t}, which must hold it, without percent-encoding [secret]",
        f"the login that a .netrc file has for the host became ${{secret:a-basic}}, which must hold {how} [secret]",
    ]


def test_files_of_one_name_are_secrets_of_their_own() -> None:
    crontab = '@daily curl -H "A: $(cat /a/key)" -H "B: $(cat /b/key)" -H "C: $(cat /a/key)" http://x.test/a\n'
    found = re.findall(r"(\w): \$\{secret:(.*)\}", run(stdin=crontab).stdout)
    assert found == [("A", "key"), ("B", "key-2"), ("C", "key")]


def test_a_percent_sign_that_cuts_a_command_is_named() -> None:
    result = run(stdin="@daily curl http://x.test/$(date +%F)\n")
    assert "a $( is not closed (a % without a backslash ends the command of a crontab)" in result.stderr


def test_a_crontab_that_is_not_utf8() -> None:
    result = run(stdin="# 日次\n".encode("cp932"))
    assert (result.exit_code, result.stderr) == (
        1,
        "Error: <stdin> is not UTF-8: convert it, for example with iconv\n",
    )


def test_a_file_that_is_missing_is_wrong_usage() -> None:
    assert run("missing").exit_code == 2


def test_one_file_a_job() -> None:
    result = run(
        "--output", "jobs.d/cron", stdin="@daily curl -m 5 http://x.test/a\n@daily curl -m 5 http://x.test/b\n"
    )
    assert (result.exit_code, result.stdout, result.stderr) == (0, "", "2 jobs written to jobs.d/cron\n")
    assert sorted(path.name for path in Path("jobs.d/cron").iterdir()) == ["a.yaml", "b.yaml"]
    assert CliRunner().invoke(main, ["validate", "jobs.d"]).stdout == "2 jobs, no problems\n"


def test_no_file_is_overwritten() -> None:
    Path("run.yaml").write_text("mine", encoding="utf-8")
    result = run("--output", ".", stdin=ONE + "@daily curl http://x.test/other\n")
    assert result.exit_code == 1
    assert "run.yaml exists already, so nothing was written" in result.stderr
    assert [path.name for path in Path().iterdir()] == ["run.yaml"]
    assert Path("run.yaml").read_text("utf-8") == "mine"


@pytest.mark.parametrize(
    ("line", "job_id"),
    [
        pytest.param("curl http://x.test/api/run-report", "run-report", id="path"),
        pytest.param("curl http://x.test/Cron.PHP?a=b", "cron", id="ending"),
        pytest.param("curl http://x.test/%E6%97%A5%E6%AC%A1", "日次", id="Japanese"),
        pytest.param("curl 'http://x.test/a b;c'", None, id="space"),
        pytest.param("curl http://x.test/a%20b", "a-b", id="encoded space"),
        pytest.param("curl http://x.test/", "x.test", id="host"),
        pytest.param("curl http://x.test/ping/5b1c5b1c-1111-2222-3333-444455556666", "ping", id="UUID"),
        pytest.param("curl http://x.test/users/42", "users", id="number"),
        pytest.param("curl http://x.test/$A", "x.test", id="variable"),
        pytest.param("curl http://127.0.0.1:80/", "job", id="nothing"),
    ],
)
def test_ids(line: str, job_id: str | None) -> None:
    crontab = "@daily " + line.replace("%", "\\%")
    assert list(import_crontab(crontab, path="c", zone="UTC").manifests) == ([job_id] if job_id else [])


def test_ids_are_unique_and_secrets_of_one_value_are_one() -> None:
    line = "@daily curl -H 'X-Api-Key: abc' http://x.test/run\n"
    found = import_crontab(line * 2 + line.replace("abc", "def"), path="c", zone="UTC")
    assert list(found.manifests) == ["run", "run-2", "run-3"]
    names = [re.findall(r"\$\{secret:(.*?)\}", text) for text in found.manifests.values()]
    assert names == [["run-x-api-key"], ["run-x-api-key"], ["run-3-x-api-key"]]


@pytest.mark.parametrize(
    ("command", "written", "hint"),
    [
        pytest.param(
            "curl 'http://x.test/run?api_key=a%2Bb&c'", "target_url: http://x.test/run?api_key=${secret:run-url}&c\n",
            "a credential in target_url became ${secret:run-url}, "
            "which must hold its value without its percent-encoding",
            id="encoded in the URL",
        ),
        pytest.param(
            "curl -d 'token=a+b' http://x.test/run", "body: token=${secret:run-body}\n",
            "a credential in body became ${secret:run-body}, which must hold its value without its percent-encoding",
            id="encoded in a form",
        ),
        pytest.param(
            """curl --json '{"token": "a%2Bb"}' http://x.test/run""", "  token: ${secret:run-token}\n",
            "a credential in body.token became ${secret:run-token}, which must hold its value", id="as it is in JSON",
        ),
        pytest.param(
            "curl http://x.test/run/$KEY", "target_url: http://x.test/run/${secret:KEY}\n",
            "nothing here sets $KEY: it became ${secret:KEY}, which must hold its value", id="unknown variable",
        ),
    ],
)  # fmt: skip
def test_what_a_secret_has_to_hold(command: str, written: str, hint: str) -> None:
    found = import_crontab("@daily " + command.replace("%", "\\%"), path="c", zone="UTC")
    assert written in "".join(found.manifests.values())
    assert hint in [one.message for one in found.problems]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param("curl http://$HOST/run", "the host of its URL is in a variable", id="host"),
        pytest.param(
            "PW=a.test; curl http://$PW/run", "or whose name is that of a credential", id="host of such a name"
        ),
        pytest.param(
            """curl --json '{"password": 1234}' http://x""", "credential in body.password is not a string", id="PIN"
        ),
    ],
)
def test_what_no_reference_can_stand_for(command: str, message: str) -> None:
    (problem,) = import_crontab(f"@daily {command}", path="c", zone="UTC").problems
    assert message in problem.message


@pytest.mark.parametrize(
    ("lines", "written", "hints"),
    [
        pytest.param(
            "API_TOKEN=hunter2\n@daily curl -m 5 http://x.test/hook/$API_TOKEN",
            "job_id: hook\ncron: '@daily'\ntarget_url: http://x.test/hook/${secret:API_TOKEN}\n",
            ["the credential in $API_TOKEN became ${secret:API_TOKEN}, which must hold its value"],
            id="path",
        ),
        pytest.param(
            'PASSWORD=hunter2\n@daily curl -m 5 -H "X-Gitlab: $PASSWORD" http://x.test/b',
            "  X-Gitlab: ${secret:PASSWORD}\n",
            ["the credential in $PASSWORD became ${secret:PASSWORD}, which must hold its value"],
            id="header of any name",
        ),
        pytest.param(
            'PW="hunter2%2B"\n@daily curl -m 5 -d "pin=$PW" http://x.test/c',
            "body: pin=${secret:PW}\n",
            ["the credential in $PW became ${secret:PW}, which must hold its value without its percent-encoding"],
            id="encoded in a form",
        ),
        pytest.param(
            '@daily PW=hunter2; curl -m 5 -H "X-Foo: $PW" http://x.test/e',
            "  X-Foo: ${secret:PW}\n",
            ["the credential in $PW became ${secret:PW}, which must hold its value"],
            id="set by the command",
        ),
        pytest.param(
            "TOKEN=hunter2\n@daily V=$TOKEN; sh -c \"curl -m 5 -d 'a=x$V' http://x.test/e\"",
            "body: a=x${secret:TOKEN}\n",
            ["the credential in $TOKEN became ${secret:TOKEN}, which must hold its value"],
            id="handed on",
        ),
        pytest.param(
            "PIN=hunter2\n@daily curl -m 5 -d a=$PIN http://x.test/a\nPIN=hunter3\n@daily curl -m 5 -d b=$PIN http://x.test/b",
            "body: b=${secret:PIN-2}\n",
            [
                "the credential in $PIN became ${secret:PIN}, which must hold its value",
                "the credential in $PIN became ${secret:PIN-2}, which must hold its value",
            ],
            id="two values",
        ),
        pytest.param(
            "@daily PW=hunter2; curl -m 5 -d a=$PW http://x.test/a\n@daily curl -m 5 -d b=$PW http://x.test/b",
            "body: b=${secret:PW-2}\n",
            [
                "the credential in $PW became ${secret:PW}, which must hold its value",
                "nothing here sets $PW: it became ${secret:PW-2}, which must hold its value",
            ],
            id="set in another line only",
        ),
        pytest.param(
            "TOKEN_FILE=hunter\nLOGIN_URL=http://x.test/l\nTOKEN=\n@daily curl -m 5 -d $TOKEN_FILE $LOGIN_URL$TOKEN",
            "target_url: http://x.test/l\nmethod: POST\nheaders:\n"
            "  Content-Type: application/x-www-form-urlencoded\nbody: hunter\n",
            [],
            id="no credentials",
        ),
    ],
)
def test_variables_that_hold_credentials(lines: str, written: str, hints: list[str]) -> None:
    found = import_crontab(lines, path="c", zone="UTC")
    told = [one.message for one in found.problems]
    assert written in "".join(found.manifests.values())
    assert told == hints
    assert "hunter2" not in "".join([*found.manifests, *found.manifests.values(), *told])


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param("curl -X 'TOKEN hunter2' http://x.test/a", "method: is not a method of HTTP", id="method"),
        pytest.param("curl -H 'TOKEN hunter2: a' http://x.test/a", "headers: the name or the value", id="header"),
        pytest.param(
            r"""curl --json "{\"hunter2$A\": true}" http://x.test/a""", "body: a reference to a secret", id="key"
        ),
        pytest.param("curl -u 'a:$(echo hunter2)' $(echo hunter2) x", "$(…) is computed", id="computed"),
        pytest.param("curl http://x.test/a | 'hunter2 hunter2'", "passes its answer to a command", id="program"),
        pytest.param("curl --retry 999999999 http://x.test/a", "max_retries: ", id="what is no credential"),
    ],
)
def test_what_may_be_a_credential_is_not_repeated(command: str, message: str) -> None:
    told = [one.message for one in import_crontab(f"@daily {command}", path="c", zone="UTC").problems]
    assert any(message in one for one in told)
    assert "hunter2" not in "".join(told)


def test_a_comment_with_a_credential_is_neither_a_name_nor_an_id() -> None:
    found = import_crontab("# curl -u bob:hunter2 x\n@daily curl http://x.test/42", path="c", zone="UTC")
    assert "name:" not in found.manifests["x.test"]


# --- laws ---

_WORDS = st.sampled_from(
    [
        *(
            "curl",
            "-s",
            "-d",
            "-H",
            "X-A: b",
            "http://x.test/a",
            "'",
            '"',
            "$A",
            "|",
            "&&",
            ";",
            "-u",
            "a:b",
            "-X",
            "POST",
        ),
        *(
            ">",
            "x",
            "timeout 5",
            "flock /l",
            "sh -c",
            "%",
            "\\%",
            "${b}",
            "日次",
            "@-",
            "echo",
            "-k",
            "{a,b}",
            "-m",
            "7",
            "#",
        ),
        *("(", ")", "{", "}", "sleep 5;", "$(date)", "$(cat /f)", "`id`", "flock -w 3 /l", "bash -euc", "$'a'", "wget"),
        *("-O-", "<", "tee", "$(( 1 ))", "exit", "cd /x &&", "export", "$RANDOM", "\\", "--data-binary", "@f", "-n"),
        "password=secret",
        *(
            "-L",
            "$(date +\\%F)",
            '"$(date -d yesterday "+\\%F \\%T")"',
            "D=`date +\\%s`;",
            "$D",
            "-F",
            "--json",
            '{"a":',
            "--cacert",
        ),
        *("--proxy", "p:1", "-U", "--aws-sigv4", "aws:amz:r:s", "--data-urlencode", "TZ=UTC", "https://x.test/b"),
    ]
)
_COMMANDS = st.lists(_WORDS, max_size=8).map(" ".join) | st.lists(_WORDS, max_size=6).map(
    lambda words: " ".join(["curl http://x.test/run", *words])
)
_LINES = st.builds(
    "{} {}".format,
    st.sampled_from(
        ["@daily", "0 1 * * *", "1", "61 * * * *", "@reboot", "@every 5m", "0~9 1 * * *", "0 1 1 * 1", "-* * * * *"]
    ),
    _COMMANDS,
)
_CRONTABS = st.lists(
    _LINES
    | st.sampled_from(
        [
            "# 日次",
            "A=b c",
            "CRON_TZ=Asia/Tokyo",
            "CRON_TZ=Nowhere",
            "",
            "rubbish",
            "MAILTO=a",
            "TZ=UTC",
            "SHELL=/bin/bash",
        ]
    ),
    max_size=6,
).map("\n".join)


@given(_CRONTABS)
def test_whatever_the_crontab_the_manifests_are_valid(text: str) -> None:
    found = import_crontab(text, path="crontab", zone="UTC")
    parsed = parse_file(SourceFile.of("x.yaml", "---\n".join(found.manifests.values()).encode()), zone="UTC")
    assert parsed.problems == ()
    assert [job.job_id for job in parsed.jobs] == list(found.manifests)
    assert import_crontab(text, path="crontab", zone="UTC") == found


@given(_CRONTABS)
def test_each_line_with_a_command_is_a_job_or_an_error(text: str) -> None:
    found = import_crontab(text, path="crontab", zone="UTC")
    lines = [number for number, line in enumerate(text.split("\n"), start=1) if re.match(r"[@\d-]|rubbish", line)]
    errors = {one.line for one in found.problems if one.severity is Severity.ERROR}
    taken = {int(match[1]) for match in map(re.compile(r"# From line (\d+) ").match, found.manifests.values()) if match}
    assert taken | errors == set(lines)
    assert not taken & errors


_HIDDEN = st.sampled_from(
    [
        *("-u me:hunter2", "-u 'hunter2:hunter2'", "-H 'Authorization: Bearer hunter2'", "-H 'x-api-key: hunter2'"),
        *("-b session_token=hunter2", "--oauth2-bearer hunter2", "-d password=hunter2", "http://me:hunter2@x.test/a"),
        *('-H "X-Foo: $TOKEN"', "-d a=$TOKEN", "http://x.test/$TOKEN", "-u $TOKEN", "-m $TOKEN", "-X $TOKEN"),
        *("-x http://me:hunter2@p:1", "-x p:1 -U me:hunter2", "-F password=hunter2", "-F 'a=b;x=hunter2'"),
        *(
            "--aws-sigv4 aws:amz:r:s -u id:hunter2",
            "--aws-sigv4 hunter2",
            "-d token=hunter2$(date +\\%F)",
            "--pass hunter2",
        ),
        *("-X 'TOKEN hunter2'", "'--header=X: hunter2'", "-d $(echo hunter2)", "-d `echo hunter2`", "-d ${A:-hunter2}"),
        *("'http://x.test/a?api_key=hunter2&b'", '-d "secret=$HUNTER"', """--json '{"a": {"token": "hunter2"}}'"""),
    ]
)
_AROUND = st.sampled_from(
    [
        *(
            "{}",
            "timeout 5 {} | jq .",
            "flock /l {} || echo no",
            "backup && {}",
            "HUNTER=hunter2 {}",
            "PW=hunter2; TOKEN=$PW; {}",
        ),
        *("export HUNTER=hunter2; {}", "sh -c '{}'", "( {} )", "echo $(echo hunter2); {}", "{} > $(echo hunter2).log"),
        *(
            "V=`echo hunter2`; {} | tee hunter2",
            "env PW=hunter2 bash -euc '{}'",
            "{0} && {0}",
        ),
        *("{} || curl hunter2", "echo password=hunter2 | {} -d @-", "flock -w hunter2 /l {}", "sleep hunter2; {}"),
    ]
)


_COMMENTS = st.sampled_from(["Run", "curl -u me:hunter2 x", "password:\n# hunter2", "pin hunter2", "a\n# pw=hunter2"])


@given(
    st.lists(_HIDDEN, min_size=1, max_size=3).map(" ".join),
    _AROUND,
    st.sampled_from(["", "http://x.test/42"]),
    _COMMENTS,
)
def test_credentials_get_neither_into_manifests_nor_into_messages(
    hidden: str, around: str, url: str, comment: str
) -> None:
    command = around.format(f"curl -s {hidden} {url}")
    found = import_crontab(f"HUNTER=hunter2\nTOKEN=hunter2\n# {comment}\n@daily {command}", path="crontab", zone="UTC")
    assert "hunter2" not in "".join([*found.manifests, *found.manifests.values()])
    assert "hunter2" not in "".join(one.message for one in found.problems)


def test_a_crontab_that_is_too_large() -> None:
    Path("large").write_text("#" * (1024 * 1024 + 1))
    for result in (run("large"), run(stdin="#" * (1024 * 1024 + 1)), run("/dev/zero")):
        assert result.exit_code == 1
        assert result.stderr.endswith(" is larger than 1 MiB: import it in parts\n")


def test_what_is_told_has_a_bound() -> None:
    result = run(stdin="neither\n" * 1_500 + ONE)
    lines = result.stderr.splitlines()
    assert (len(lines), result.exit_code) == (1_001, 1)
    assert lines[-1].endswith("and 501 more: fix these first [more-problems]")
    assert "job_id: run\n" in result.stdout


def test_many_jobs_of_one_url_get_numbers() -> None:
    manifests = import_crontab(ONE * 2_000, path="x", zone="UTC").manifests
    assert list(manifests) == ["run", *(f"run-{number}" for number in range(2, 2_001))]


def test_text_that_looks_masked_already() -> None:
    """A credential beside the mark that stands for one, which could be parted in many ways."""
    url = "http://x.test/run?token=a••••b&" + "token=••••&" * 40 + "x=1"
    imported = import_crontab(f"@daily curl '{url}'\n", path="x", zone="UTC")
    assert all("a••••b" not in text for text in imported.manifests.values())
