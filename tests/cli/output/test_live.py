"""`--watch` in a terminal and in a pipe; what is left of the screen is looked at in tests/cli/commands/test_top.py."""

import json
import os
import signal
import subprocess
import sys

import pytest

from tests.support.answers import execution, job
from tests.support.screens import Screen
from tests.support.target import Answer, Target

DETAIL = execution(attempts_detail=[])
COMMANDS = [["jobs", "list"], ["executions", "list"], ["executions", "show", "e"]]


@pytest.fixture
def server(target: Target) -> Target:
    target.answers("/api/v1/jobs", Answer(body=json.dumps({"jobs": [job()]}).encode()))
    target.answers("/api/v1/executions", Answer(body=json.dumps({"executions": [DETAIL]}).encode()))
    target.answers("/api/v1/executions/e", Answer(body=json.dumps(DETAIL).encode()))
    return target


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_in_a_terminal(server: Target, command: list[str]) -> None:
    with Screen(*command, "--watch", "--server", server.url("")) as screen:
        screen.until("日次 レポ", 2)
        assert screen.end(signal.SIGINT) == 0
    assert screen.text.endswith("\x1b[?25h\x1b[?1049l")


def test_in_a_pipe_pictures_follow_each_other(server: Target) -> None:
    command = (sys.executable, "-m", "myscheduler", "jobs", "list", "--watch", "--server", server.url(""))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ.copy()) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        process.send_signal(signal.SIGTERM)
        assert process.wait() == 0
    head, row, gap, *again = lines
    assert again == [head, row]
    assert (gap, head.split()[:2]) == ("\n", ["JOB", "STATUS"])
