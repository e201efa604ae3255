"""Crontabs line by line: what runs when, with which variables, and which call the command makes."""

from typing import Any

import pytest

from myscheduler.core.crontab import read_crontab
from myscheduler.core.crontab_command import FoundCall, find_call
from myscheduler.core.shell import ShellError
from myscheduler.core.web_call import NotTakenOver


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
        (3, "no command stands behind the user: --system is for crontabs with users"),
    )


def test_settings_count_from_their_line_on() -> None:
    text = "A=1\n@daily a\nA = ' 2 '\nB=\"x=y\" \n'C'=3\n@daily b"
    first, second = read_crontab(text).entries
    assert first.variables == {"A": "1"}
    assert second.variables == {"A": " 2 ", "B": "x=y", "C": "3"}


def test_other_lines_are_named() -> None:
    assert [line for line, _ in read_crontab("\n# a\nbackup\n0 1 * *\n@daily\n").faults] == [3, 4, 5]


def _find(command: str, **variables: str) -> FoundCall:
    return find_call(command, variables, None, lambda name, _: name)


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
        pytest.param("bash -lc \"curl -d '$UNKNOWN' http://x\"", {"body": "${secret:UNKNOWN}"}, id="unknown within"),
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
        pytest.param("root curl http://x", "write --system", id="user"),
        pytest.param("curl http://x && curl http://y", "makes several calls", id="two calls"),
        pytest.param("curl http://x || curl http://y", "makes several calls", id="second call on failure"),
        pytest.param("curl http://x http://y", "calls 2 URLs", id="two URLs"),
        pytest.param("curl -s", "names no URL", id="no URL"),
        pytest.param("[ -f /x ] && curl http://x", "is a script of the shell ([)", id="condition"),
        pytest.param("if true; then curl http://x; fi", "is a script of the shell (if)", id="if"),
        pytest.param("cat x | curl -d @- http://x", "runs cat", id="body out of a program"),
        pytest.param("curl -d @- http://x < file", "its body comes out of another command", id="body out of a file"),
        pytest.param("printf '%s' a | curl -d @- http://x", "its body comes out of another", id="format"),
        pytest.param("timeout soon curl http://x", "timeout is no number of seconds", id="timeout"),
        pytest.param("true || curl http://x", "only where what stands before fails", id="or the call"),
        pytest.param("cd /x || curl http://x", "only where what stands before fails", id="cd or the call"),
        pytest.param("A=b || curl http://x", "only where what stands before fails", id="setting or the call"),
        pytest.param("true || sh -c 'curl http://x'", "only where what stands before fails", id="or a shell"),
        pytest.param("true || echo a | curl -d @- http://x", "only where what stands before fails", id="or a pipe"),
        pytest.param("exit 0; curl http://x", "the shell ends before (exit)", id="exit"),
        pytest.param("sh -c 'true && exit; curl http://x'", "the shell ends before (exit)", id="exit in a shell"),
        pytest.param("exec date; curl http://x", "the shell ends before (exit)", id="exec of another command"),
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
        pytest.param("curl http://x | logger -t x", ["what gets the answer is not kept (logger)"], id="pipe"),
        pytest.param("curl http://x || mail root", ["what runs when the call fails is not kept (mail)"], id="or mail"),
        pytest.param("curl http://x?a=1&b=2", ["an & outside of quotes ends a command"], id="& in a URL"),
        pytest.param("cd /x && true && curl http://x", ["the call is made whether or not cd"], id="cd and the call"),
        pytest.param("cd /x || exit 1; curl http://x", ["the call is made whether or not cd"], id="cd or exit"),
        pytest.param("cd /x; curl http://x", [], id="cd"),
        pytest.param("cd /x && umask 022; curl http://x", [], id="cd and another command"),
        pytest.param("sleep 30; curl http://x", ["the wait (sleep) is not kept"], id="sleep"),
        pytest.param(". /etc/env && curl http://x", ["the variables that a file sets"], id="source"),
        pytest.param("https_proxy=http://p curl http://x", ["no proxy is used"], id="proxy"),
    ],
)
def test_what_is_lost_is_said(command: str, warnings: list[str]) -> None:
    found = _find(command).call.warnings
    assert len(found) == len(warnings)
    assert all(one.startswith(start) for one, start in zip(found, warnings, strict=True))


def test_locks() -> None:
    assert [(one.lock, one.waits) for one in (_find("flock -n /l curl http://x"), _find("flock /l curl http://x"))] == [
        ("/l", False),
        ("/l", True),
    ]


def test_limits_of_other_commands_are_not_those_of_the_call() -> None:
    assert _find("curl http://x; timeout 5 true").call.timeout_sec is None


@pytest.mark.parametrize(
    ("text", "jobs", "fault"),
    [
        pytest.param("@daily " + "a" * 10_000 + "\n@daily b", 1, (1, "is longer than 10,000 characters"), id="line"),
        pytest.param("# " + "a" * 10_000 + "\n@daily b", 1, (1, "is longer than 10,000 characters"), id="comment"),
        pytest.param("@daily a\n" * 2_001, 2_000, (2_001, "is one job more than 2,000: import the rest"), id="jobs"),
        pytest.param(
            "".join(f"A{number}=1\n" for number in range(1_001)) + "@daily a",
            0,
            (1_001, "is one variable more than 1,000: here the reading ends"),
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
        find_call(command, {"LONG": "x" * 1_000}, None, lambda name, _: name)
