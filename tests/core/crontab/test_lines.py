"""Crontabs line by line: what runs when, with which variables, and which call the command makes."""

from typing import Any

import pytest

from myscheduler.core.crontab.command import find_calls
from myscheduler.core.crontab.dates import Clocks
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.expressions import Expressions
from myscheduler.core.crontab.line import Found
from myscheduler.core.crontab.lines import read_crontab
from myscheduler.core.crontab.shell import ShellError
from myscheduler.core.crontab.wrappers import FoundCall


def _entries(text: str, *, has_users: bool = False) -> list[tuple[int, str, str, str | None, str | None]]:
    found = read_crontab(text, has_users=has_users).entries
    return [(one.line, one.times, one.command, one.stdin, one.comment) for one in found]


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        pytest.param("0 1 * * * a b", [(1, "0 1 * * *", "a b", None, None)], id="five fields"),
        pytest.param("\n  0\t1 * *  *\ta\r\n", [(2, "0\t1 * *  *", "a", None, None)], id="white space"),
        pytest.param("@daily a", [(1, "@daily", "a", None, None)], id="macro"),
        pytest.param("@daily a%b%c", [(1, "@daily", "a", "b\nc\n", None)], id="what it reads"),
        pytest.param("@daily a \\%F 'x\\%'", [(1, "@daily", "a %F 'x%'", None, None)], id="escaped percent"),
        pytest.param(
            "@daily a\\\\%b", [(1, "@daily", "a\\\\", "b\n", None)], id="percent behind a pair of backslashes"
        ),
        pytest.param("@daily a\\n\\%", [(1, "@daily", "a\\n%", None, None)], id="other backslashes"),
        pytest.param("@daily a%", [(1, "@daily", "a", "", None)], id="nothing to read"),
        pytest.param("@daily a%b%", [(1, "@daily", "a", "b\n", None)], id="one line break at the end"),
        pytest.param("\ufeff@daily a", [(1, "@daily", "a", None, None)], id="byte-order mark"),
        pytest.param(
            "@daily a\n\ufeff# b\n@daily c",
            [(1, "@daily", "a", None, None), (3, "@daily", "c", None, "b")],
            id="byte-order mark within",
        ),
        pytest.param("@every 1h30m a b", [(1, "@every 1h30m", "a b", None, None)], id="interval"),
        pytest.param("-*/5 * * * * a", [(1, "*/5 * * * *", "a", None, None)], id="kept out of the log"),
        pytest.param("* * * * * -n -q a -n", [(1, "* * * * *", "a -n", None, None)], id="flags of BSD"),
        pytest.param("@daily a\u3000b", [(1, "@daily", "a\u3000b", None, None)], id="wide space in a command"),
        pytest.param("# Nightly\n@daily a", [(2, "@daily", "a", None, "Nightly")], id="comment"),
        pytest.param(
            "# 一日\n#\n# ----\n@daily a\n@daily b",
            [(4, "@daily", "a", None, "一日"), (5, "@daily", "b", None, None)],
            id="comment of one line only",
        ),
        pytest.param("# curl -d hunter2 x\n@daily a", [(2, "@daily", "a", None, None)], id="command that was"),
        pytest.param("# pw:\n# hunter2\n@daily a", [(3, "@daily", "a", None, None)], id="credential of two lines"),
        pytest.param("# pw\n\n# Nightly\n@daily a", [(4, "@daily", "a", None, "Nightly")], id="credential above a gap"),
        pytest.param("# Nightly\n\n@daily a", [(3, "@daily", "a", None, None)], id="comment above a gap"),
        pytest.param("# Nightly\nA=b\n@daily a", [(3, "@daily", "a", None, None)], id="comment above a setting"),
        pytest.param("# m h  dom mon dow   command\n@daily a", [(2, "@daily", "a", None, None)], id="names of columns"),
        pytest.param("#0 1 * * * old\n# @daily old\n@daily a", [(3, "@daily", "a", None, None)], id="jobs that were"),
    ],
)
def test_lines(text: str, entries: list[Any]) -> None:
    assert _entries(text) == entries


def test_a_user_stands_before_the_command() -> None:
    text = "0 1 * * * root  curl x\n@daily www-data curl y\n@daily root"
    assert _entries(text, has_users=True) == [
        (1, "0 1 * * *", "curl x", None, None),
        (2, "@daily", "curl y", None, None),
    ]
    assert read_crontab(text, has_users=True).faults == (
        (3, "has no command after the user: --system is for crontabs with users"),
    )


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        pytest.param("@daily curl -s \\", "ends with a \\, but cron has no line continuation", id="goes on"),
        pytest.param(
            "@daily curl -s \\ \r", "ends with a \\, but cron has no line continuation", id="goes on, in Windows"
        ),
        pytest.param("@daily %a", "has no command", id="only input"),
        pytest.param("0 1 * *\u00a0* a", "it has a no-break space", id="no-break space"),
        pytest.param("0\u30001\u3000*\u3000*\u3000*\u3000a", "it has an ideographic space", id="wide space"),
        pytest.param("@daily a \ue002", "has characters of Unicode's private use area", id="private use"),
        pytest.param("*-*-* 03:00:00", "is neither a setting nor five fields and a command", id="systemd"),
        pytest.param("CRON_TZ=Asia/Tokyo 0 6 * * * curl x", "has a zone before its times", id="zone"),
        pytest.param("TZ=UTC @daily curl x", "has a zone before its times", id="zone and macro"),
        pytest.param("0 0 * * * * curl x", "has more than five time fields", id="six fields"),
        pytest.param("*/30 * * * * * * curl x", "has more than five time fields", id="seven fields"),
        pytest.param("OnCalendar daily", "is neither a setting nor five fields and a command", id="unit"),
    ],
)
def test_lines_that_run_nothing(line: str, fault: str) -> None:
    found = read_crontab(f"@daily a\n{line}\n@daily b")
    assert [one.command for one in found.entries] == ["a", "b"]
    [(number, message)] = found.faults
    assert number == 2
    assert fault in message


def test_two_backslashes_at_the_end_are_one_of_the_shell() -> None:
    assert read_crontab("@daily a \\\\").faults == ()


def test_system_is_for_crontabs_with_users() -> None:
    [(_, message)] = read_crontab("@daily /usr/bin/curl http://x", has_users=True).faults
    assert message == "has no user before its command: leave out --system"


def test_settings_count_from_their_line_on() -> None:
    text = "A=1\n@daily a\nA = ' 2 '\nB=\"x=y\" \n'C'=3\n@daily b"
    first, second = read_crontab(text).entries
    assert first.variables == {"A": "1"}
    assert second.variables == {"A": " 2 ", "B": "x=y", "C": "3"}


def test_other_lines_are_named() -> None:
    assert [line for line, _ in read_crontab("\n# a\nbackup\n0 1 * *\n@daily\n").faults] == [3, 4, 5]


class _Names:
    """Secrets are called as the variables and the files."""

    def of_variable(self, name: str, value: str | None) -> str:
        del value
        return name

    def of_file(self, path: str) -> str:
        return path.rpartition("/")[2]


def _read(command: str, **variables: str) -> Found:
    return find_calls(command, variables, None, _Names(), Expressions(), Clocks())


def _find(command: str, **variables: str) -> FoundCall:
    (found,) = _read(command, **variables).calls
    return found


def _warnings(found: Found) -> list[str]:
    return [*found.warnings, *(warning for one in found.calls for warning in one.call.warnings)]


@pytest.mark.parametrize(
    ("command", "fields"),
    [
        pytest.param("/usr/bin/curl http://x", {}, id="path"),
        pytest.param("cd /opt && umask 022; curl http://x && echo done", {}, id="neighbours"),
        pytest.param("curl http://x || true", {}, id="or true"),
        pytest.param("true || exit 1; curl http://x", {}, id="exit that is not reached"),
        pytest.param("sh -c 'exit 0'; curl http://x", {}, id="exit of another shell"),
        pytest.param("curl http://x; exit 0", {}, id="exit behind"),
        pytest.param("exec >/dev/null; exec curl http://x", {}, id="exec"),
        pytest.param("timeout 60 curl http://x", {"timeout_sec": 60}, id="timeout"),
        pytest.param(
            "timeout -k 5 --preserve-status 2m curl -m 30 http://x", {"timeout_sec": 30}, id="the shorter limit"
        ),
        pytest.param("nice -n 10 ionice -c3 nohup curl http://x &", {}, id="wrappers"),
        pytest.param("env A=b LANG=C curl http://x", {}, id="env"),
        pytest.param("A=http://x; curl $A", {}, id="own variable"),
        pytest.param("export A=http://x && curl $A", {}, id="exported variable"),
        pytest.param("A=y curl http://x", {}, id="variable for the command only"),
        pytest.param("$CURL http://x", {}, id="program in a variable"),
        pytest.param("sh -c 'curl http://x'", {}, id="shell in the shell"),
        pytest.param("flock -n /tmp/l -c 'timeout 9 curl http://x'", {"timeout_sec": 9}, id="lock and shell"),
        pytest.param(
            "bash -lc \"curl -d 'a=$UNKNOWN' http://x\"", {"body": "a=${secret:UNKNOWN}"}, id="unknown within"
        ),
        pytest.param("echo '{\"a\": 1}' | curl --json @- http://x", {"body": {"a": 1}}, id="piped JSON"),
        pytest.param("printf a=b | curl -d @- http://x", {"body": "a=b"}, id="piped text"),
        pytest.param("sudo -u www curl http://x", {}, id="sudo"),
    ],
)
def test_the_call_of_a_command(command: str, fields: dict[str, Any]) -> None:
    found = _find(command, CURL="/usr/bin/curl").call.fields()
    assert found["target_url"] == "http://x"
    assert {name: found[name] for name in ("body", "timeout_sec") if name in found} == fields


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param("backup.sh", "runs backup.sh, which is neither curl nor wget", id="another program"),
        pytest.param("backup.sh && curl http://x", "runs backup.sh", id="another program before"),
        pytest.param("curl http://x && rm y", "also runs rm", id="another program behind"),
        pytest.param("root curl http://x", "use --system", id="user"),
        pytest.param("curl http://x | curl -d @- http://y", "sends the answer of one call", id="call of an answer"),
        pytest.param("curl http://x | bash", "passes its answer to bash", id="answer that is run"),
        pytest.param("curl http://x | sudo -E bash -", "passes its answer to bash", id="answer that root runs"),
        pytest.param("curl http://x | gunzip | mysql", "passes its answer to gunzip", id="answer that is unpacked"),
        pytest.param("curl http://x | jq . | while read a; do b; done", "passes its answer to while", id="loop"),
        pytest.param("curl http://x | (cat; b)", "passes its answer to commands", id="answer to a group"),
        pytest.param("curl -o f http://x && sh f", "also runs sh", id="file that is run"),
        pytest.param(
            "curl http://x > f; curl -d @f -H content-type:a http://y", "the line itself writes", id="own file"
        ),
        pytest.param(
            "curl -so f http://x; curl -H content-type:a -d @f http://y", "the line itself writes", id="own -o"
        ),
        pytest.param("A=$(curl http://x); curl http://y", "its call is inside $(…)", id="call within"),
        pytest.param("echo $(backup.sh); curl http://y", "by a program that a job can't run", id="program within"),
        pytest.param("A=`date`; curl -d a=$A http://x", "depends on the locale", id="date without a format"),
        pytest.param("curl --data-urlencode d=`date` http://x", "`…` is computed", id="encoded date"),
        pytest.param("wget http://x/`date`", "`…` is computed", id="date in the URL of wget"),
        pytest.param("curl http://x/$(date +%F | tr -d -)", "goes through other commands", id="date in a pipe"),
        pytest.param("curl -d $(date '+%F %T') http://x", "put it in double quotes", id="date of two words"),
        pytest.param("A=$(date '+%F %T'); curl -d $A http://x", "put it in double quotes", id="variable of two words"),
        pytest.param("sh -c \"curl -d a=$(date '+%F %T') x\"", "a shell reads what it prints", id="date read by sh"),
        pytest.param("curl -d @/log.$(date +%F) http://x", "whose name is computed", id="file with a date"),
        pytest.param("curl -d $(date -d @1 +%F) http://x", "of its -d is not known here", id="date -d"),
        pytest.param('curl -d $(date -d "$A" +%F) http://x', "that nothing here sets", id="date of a variable"),
        pytest.param("curl -d $(date -r /f +%F) http://x", "an option that is not known", id="date of a file"),
        pytest.param("curl -d $(TZ=JST-9 date +%F) http://x", "not the name of a zone", id="zone of POSIX"),
        pytest.param("curl -d $(LC_ALL=de_DE date +%F) http://x", "variables are set for it", id="date with variables"),
        pytest.param("curl -m $(id) http://x", "$(…) is computed", id="time"),
        pytest.param("curl -$(id) http://x", "is not supported", id="option"),
        pytest.param("date | curl -d @- http://x", "its body is the output of another command", id="date as the body"),
        pytest.param("curl -d 'a' http://x/${A:-$(id)}", "${…} is computed", id="default"),
        pytest.param(
            "curl http://x | jq . > f; curl http://y/$(cat f)", "the line itself writes", id="answer of a file"
        ),
        pytest.param("curl http://x | tee f; curl http://y/$(cat f)", "the line itself writes", id="answer of tee"),
        pytest.param("date > f; curl http://y/$(< f)", "the line itself writes", id="file of another command"),
        pytest.param('curl -d "$(cat /etc/form)" http://x', "fields of its form or query", id="form in a file"),
        pytest.param("curl -d a=1 -d $B http://x", "fields of its form or query", id="field in a variable"),
        pytest.param("curl http://x?$A", "fields of its form or query", id="query in a variable"),
        pytest.param("wget http://x?b=c&d=e -q -O -", "runs an option as a command", id="& in a URL"),
        pytest.param("root [ -x /usr/bin/curl ] && curl http://x", "use --system", id="root"),
        pytest.param("curl" + " http://x" * 51, "makes more than 50 calls", id="many URLs"),
        pytest.param("curl http://x;" * 51, "makes more than 50 calls", id="many calls"),
        pytest.param("curl http://x" + " -H a:b" * 101, "has more than 100 headers", id="many headers"),
        pytest.param("exit 0; curl http://x; curl http://y", "the shell ends before it", id="nothing is reached"),
        pytest.param("{ echo; exit; }; curl http://x", "the shell ends before it", id="exit in a group"),
        pytest.param("su - me", "runs su", id="su without a command"),
        pytest.param("bash script.sh", "runs bash", id="script"),
        pytest.param("flock -w soon /l curl http://x", "flock -w is not a number of seconds", id="flock"),
        pytest.param("curl -s", "names no URL", id="no URL"),
        pytest.param("[ -f /x ] && curl http://x", "is a shell script ([)", id="condition"),
        pytest.param("if true; then curl http://x; fi", "is a shell script (if)", id="if"),
        pytest.param("cat x | curl -d @- http://x", "its body is in a file", id="form out of a file"),
        pytest.param("curl -d @- http://x < file", "its body is in a file", id="form out of an input"),
        pytest.param("cat x y | curl -d @- http://x", "its body is the output of another", id="two files"),
        pytest.param("printf '%d' a | curl -d @- http://x", "its body is the output of another", id="format"),
        pytest.param("timeout soon curl http://x", "timeout is not a number of seconds", id="timeout"),
        pytest.param("true || curl http://x", "only when the command before it fails", id="or the call"),
        pytest.param("cd /x || curl http://x", "only when the command before it fails", id="cd or the call"),
        pytest.param("A=b || curl http://x", "only when the command before it fails", id="setting or the call"),
        pytest.param("true || sh -c 'curl http://x'", "only when the command before it fails", id="or a shell"),
        pytest.param("true || echo a | curl -d @- http://x", "only when the command before it fails", id="or a pipe"),
        pytest.param("exit 0; curl http://x", "the shell ends before it (exit)", id="exit"),
        pytest.param("sh -c 'true && exit; curl http://x'", "the shell ends before it (exit)", id="exit in a shell"),
        pytest.param("exec date; curl http://x", "the shell ends before it (exit)", id="exec of another command"),
        pytest.param("cd /opt", "runs neither curl nor wget", id="nothing"),
    ],
)
def test_commands_that_are_not_taken_over(command: str, message: str) -> None:
    with pytest.raises((NotTakenOver, ShellError)) as refused:
        _find(command).call.fields()
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("command", "warnings"),
    [
        pytest.param("curl http://x >/dev/null 2>&1", [], id="to nowhere"),
        pytest.param("curl http://x >> /var/log/x.log 2>&1", ["the answer is not written to a file"], id="to a log"),
        pytest.param(
            "curl http://x | logger -t x", ["the command that reads the answer is not kept (logger)"], id="pipe"
        ),
        pytest.param(
            "curl http://x || mail root", ["the command that runs when the call fails is not kept (mail)"], id="or mail"
        ),
        pytest.param("curl http://x?a=1&b=2", ["an & outside quotes ends a command"], id="& in a URL"),
        pytest.param("cd /x && true && curl http://x", ["the call is made whether or not cd"], id="cd and the call"),
        pytest.param("cd /x || exit 1; curl http://x", ["the call is made whether or not cd"], id="cd or exit"),
        pytest.param("cd /x; curl http://x", [], id="cd"),
        pytest.param("cd /x && umask 022; curl http://x", [], id="cd and another command"),
        pytest.param("sleep $A; curl http://x", ["the wait (sleep) is not kept"], id="sleep of a variable"),
        pytest.param("sleep $((RANDOM % 60)); curl http://x", ["the random wait became jitter_sec"], id="random sleep"),
        pytest.param(
            "curl http://x || curl http://y", ["the command that runs when the call fails"], id="other call on failure"
        ),
        pytest.param(
            "curl http://x || { a; b; }", ["the command that runs when the call fails"], id="group on failure"
        ),
        pytest.param(
            "curl http://x || echo a | mail root",
            ["the command that runs when the call fails"] * 2,
            id="mail on failure",
        ),
        pytest.param("curl http://x 2>log", [], id="errors to a log"),
        pytest.param("(curl http://x) >log", ["the answer is not written to a file"], id="group to a log"),
        pytest.param("sh -c 'curl http://x' >log", ["the answer is not written to a file"], id="shell to a log"),
        pytest.param("curl -d $'a' http://x", ["$'…' is read as in bash"], id="quotes of bash"),
        pytest.param("bash -c \"curl -d \\$'a' http://x\"", [], id="quotes of bash in bash"),
        pytest.param("curl http://x; echo a | logger", [], id="pipe of another command"),
        pytest.param("curl http://x && curl http://y", ["its 2 calls became 2 jobs"], id="two calls"),
        pytest.param("curl http://x http://y", ["its 2 calls became 2 jobs"], id="two URLs"),
        pytest.param("flock /l curl http://x", ["if several runs wait"], id="lock"),
        pytest.param("flock -w 5 /l curl http://x", ["a run waits 5 seconds"], id="lock with a limit"),
        pytest.param(
            "timeout 5 curl --retry 1 http://x", ["any 5xx", "timeout limited all"], id="timeout of all attempts"
        ),
        pytest.param(". /etc/env && curl http://x", ["the variables that a file sets"], id="source"),
        pytest.param("export $(cat /etc/env | xargs); curl http://x", ["the variables that a file"], id="export"),
        pytest.param("export A=`date`; curl http://x", [], id="export of a date"),
        pytest.param("https_proxy=http://p curl http://x", ["no proxy is used"], id="proxy"),
    ],
)
def test_what_is_lost_is_said(command: str, warnings: list[str]) -> None:
    found = _warnings(_read(command))
    assert len(found) == len(warnings)
    assert all(one.startswith(start) for one, start in zip(found, warnings, strict=True))


@pytest.mark.parametrize(
    ("command", "overlap", "patience", "lock"),
    [
        pytest.param("flock /l curl http://x", "queue", None, "/l", id="waits"),
        pytest.param("flock -x -o /l -c 'curl http://x'", "queue", None, "/l", id="waits for a line"),
        pytest.param("flock -n /l curl http://x", None, None, "/l", id="-n"),
        pytest.param("flock -xn /l curl http://x", None, None, "/l", id="-xn"),
        pytest.param("flock -nx /l curl http://x", None, None, "/l", id="-nx"),
        pytest.param("flock --nonblock --verbose /l curl http://x", None, None, "/l", id="--nonblock"),
        pytest.param("flock -nE 0 /l curl http://x", None, None, "/l", id="-nE 0"),
        pytest.param("flock -w 2.5 /l curl http://x", "queue", 3, "/l", id="-w"),
        pytest.param("flock -xw10 /l curl http://x", "queue", 10, "/l", id="-xw10"),
        pytest.param("flock --timeout=9 /l curl http://x", "queue", 9, "/l", id="--timeout"),
        pytest.param("flock -w 0 /l curl http://x", None, None, "/l", id="-w 0"),
        pytest.param("flock -s /l curl http://x", "allow", None, None, id="shared"),
        pytest.param("(flock -n 9 || exit 1; curl http://x) 9>/l", None, None, "9", id="of a number"),
        pytest.param("exec 9>/l; flock -w 5 9 && curl http://x", "queue", 5, "9", id="of a number, with a limit"),
    ],
)
def test_locks(command: str, overlap: str | None, patience: int | None, lock: str | None) -> None:
    found = _find(command)
    assert (found.overlap, found.patience, found.lock) == (overlap, patience, lock)


@pytest.mark.parametrize(
    ("command", "waits"),
    [
        pytest.param("sleep 30; curl http://x", [(30, 0)], id="seconds"),
        pytest.param("sleep 1m 5s && curl http://x", [(65, 0)], id="sum"),
        pytest.param("(sleep 15; curl http://x) &", [(15, 0)], id="in a group"),
        pytest.param("curl http://x; sleep 30; curl http://y; sleep 9", [(0, 0), (30, 0)], id="between two calls"),
        pytest.param("sleep 30 & curl http://x", [(0, 0)], id="beside the call"),
        pytest.param("sleep $((RANDOM % 60 + 5))m; curl http://x", [(300, 3600)], id="random"),
        pytest.param("sleep $[ ( $RANDOM % 10 ) + 1 ]s; curl http://x", [(1, 10)], id="bash's old form"),
        pytest.param("sleep $RANDOM; curl http://x", [(0, 32768)], id="any"),
        pytest.param("sleep `shuf -i 1-60 -n 1`; curl http://x", [(1, 60)], id="shuf"),
    ],
)
def test_waits(command: str, waits: list[tuple[float, int]]) -> None:
    assert [(one.delay, one.jitter) for one in _read(command).calls] == waits


@pytest.mark.parametrize(
    "command",
    [
        "bash -euo pipefail -c 'curl http://x'",
        "bash -e -o pipefail -l -c 'curl http://x' name",
        "/bin/bash --login -c 'curl http://x'",
        "su -s /bin/sh www -c 'curl http://x'",
        "su - www --command='curl http://x'",
        "runuser -u www -- curl http://x",
        "runuser -l www -c 'curl http://x'",
        "sudo --user=www -i curl http://x",
        "sudo -u www A=b bash -c 'curl http://x'",
        "ionice -c 2 -n 7 nice --adjustment=5 curl http://x",
        "ionice --class idle curl http://x",
        "taskset -c 0 chrt -b 0 curl http://x",
        "env -i -u A B=c sh -c 'curl http://x'",
        "systemd-cat -t x stdbuf -oL time -p curl http://x",
        "exec -a name curl http://x",
        "{ curl http://x; }",
        "{ date; (curl http://x); } 2>&1 | tee -a log | logger",
        "test -x /usr/bin/curl && curl http://x",
        "which curl >/dev/null && curl http://x",
        "command -v curl && command curl http://x",
        "C='curl -s'; $C http://x",
        'curl http://x -o "a-$(date +%F)" -w `id` -D h.$$ --stderr $RANDOM',
        'wget -qO "a-$(date +%F)" -o log.$$ -P `pwd` http://x',
        "set -e; trap 'rm x' EXIT; curl http://x",
        "D=$(date +%F); echo $D >> log.$D; curl http://x > out.$(date +%s); echo $? `hostname`",
    ],
)
def test_what_stands_around_a_call(command: str) -> None:
    assert _find(command).call.fields()["target_url"] == "http://x"


def test_variables_of_a_shell_end_with_it() -> None:
    assert _find("A=x; sh -c 'A=y'; env A=z true; curl http://$A").call.fields()["target_url"] == "http://x"
    assert _find("env A=z sh -c 'curl http://$A'").call.fields()["target_url"] == "http://z"


def test_the_shell_of_the_crontab() -> None:
    assert _read("curl -d $'a' http://x", SHELL="/bin/bash").warnings == []
    with pytest.raises(NotTakenOver, match="SHELL is python3, but only sh and shells like it are supported"):
        _read("curl http://x", SHELL="/usr/bin/python3")


def test_proxies_of_the_environment() -> None:
    proxy = "http://p:3128"
    assert _find("curl http://x", http_proxy=proxy).call.fields()["proxy"] == proxy
    assert _find("export https_proxy=http://p:3128; curl https://x").call.fields()["proxy"] == proxy
    assert _find("curl http://x", ALL_PROXY=proxy).call.fields()["proxy"] == proxy
    others = [("curl https://x", "http_proxy"), ("curl http://x", "HTTP_PROXY"), ("wget -O- http://x", "ALL_PROXY")]
    for command, name in others:
        assert "proxy" not in _find(command, **{name: proxy}).call.fields()
    assert "proxy" not in _find("curl http://a.x", http_proxy=proxy, no_proxy="b, .x").call.fields()
    assert "no proxy is used: set it in a line" in _read("http_proxy=http://p:1 curl http://x").warnings[0]


def test_files_whose_content_is_sent() -> None:
    found = _read('T=$(cat /run/secrets/a); curl -H "X: $T" -H "Y: `cat ~/b`" http://x')
    assert found.files == {"a": "/run/secrets/a", "b": "~/b"}
    assert found.calls[0].call.fields()["headers"] == {"X": "${secret:a}", "Y": "${secret:b}"}


def test_limits_of_other_commands_are_not_those_of_the_call() -> None:
    assert _find("curl http://x; timeout 5 true").call.timeout_sec is None


@pytest.mark.parametrize(
    ("text", "jobs", "fault"),
    [
        pytest.param("@daily " + "a" * 10_000 + "\n@daily b", 1, (1, "is longer than 10,000 characters"), id="line"),
        pytest.param("# " + "a" * 10_000 + "\n@daily b", 1, (1, "is longer than 10,000 characters"), id="comment"),
        pytest.param(
            "@daily a\n" * 2_001,
            2_000,
            (2_001, "exceeds the limit of 2,000 jobs: import the rest separately"),
            id="jobs",
        ),
        pytest.param(
            "".join(f"A{number}=1\n" for number in range(1_001)) + "@daily a",
            0,
            (1_001, "exceeds the limit of 1,000 variables: reading stops here"),
            id="settings",
        ),
    ],
)
def test_a_crontab_has_bounds(text: str, jobs: int, fault: tuple[int, str]) -> None:
    found = read_crontab(text)
    [(line, message)] = found.faults
    assert (len(found.entries), line, message[: len(fault[1])]) == (jobs, *fault)


@pytest.mark.parametrize(
    "comment",
    [
        pytest.param("a:" * 4_000, id="colons without a host"),
        pytest.param("a:@b c: d@e a:b@", id="no login"),
    ],
)
def test_comments_that_look_like_much_are_read_at_once(comment: str) -> None:
    [entry] = read_crontab(f"# {comment}\n@daily a").entries
    assert entry.comment == comment


@pytest.mark.parametrize("login", ["me:pw@host", "x me:p:w@h@ost", "::p@h"])
def test_a_comment_with_a_login_is_kept_back(login: str) -> None:
    [entry] = read_crontab(f"# {login}\n@daily a").entries
    assert entry.comment is None


@pytest.mark.parametrize(
    "command",
    [
        pytest.param("A=xxxxxxxxxx; " + "A=$A$A$A$A; " * 20 + "curl http://x.test/$A", id="within the line"),
        pytest.param("curl http://x.test/" + "$LONG" * 100, id="from a setting"),
        pytest.param("curl " + "$LONG " * 100, id="many words"),
    ],
)
def test_variables_that_grow_without_end(command: str) -> None:
    with pytest.raises(NotTakenOver, match="its variables expand to more than 65,536 characters"):
        find_calls(command, {"LONG": "x" * 1_000}, None, _Names(), Expressions(), Clocks())
