"""The log on stderr, in processes of its own: it never holds up whoever logs, and says what it lost."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData

from myscheduler import __version__, log
from myscheduler.log import FLUSH_SEC
from tests.support.patience import PATIENCE

BEGIN = """
import logging, sys, time
from myscheduler import log
log.LINES = 1000
log.configure(logging.INFO, "Asia/Tokyo")
(handler,) = logging.getLogger().handlers
logger = logging.getLogger("test")

def tell(text):
    print(text, flush=True)
"""
STUCK = """
log.TEXT = log.LINE_BYTES = 1 << 30
logger.info("x" * 1_000_000)  # no pipe holds that much
while handler._lines or not handler._writing.locked():
    time.sleep(0.001)
"""


@contextmanager
def child(code: str) -> Iterator[subprocess.Popen[str]]:
    """A process that logs; its stderr is a pipe, which is read when the test does."""
    pipes: dict[str, Any] = dict.fromkeys(["stdin", "stdout", "stderr"], subprocess.PIPE)
    with subprocess.Popen([sys.executable, "-c", BEGIN + code], text=True, **pipes) as process:
        limit = threading.Timer(PATIENCE, process.kill)  # ends the wait for a line that doesn't come
        limit.start()
        try:
            yield process
        finally:
            limit.cancel()
            process.kill()


def messages(stderr: str) -> list[str]:
    return [json.loads(line)["message"] for line in stderr.splitlines()]


def ended(code: str) -> tuple[int, str]:
    """Exit code and stderr of a process that is read from all the time."""
    with child(code) as process:
        _, stderr = process.communicate(timeout=PATIENCE)
        return process.returncode, stderr


def test_everything_that_was_logged_before_the_end_is_written_in_its_order() -> None:
    code, stderr = ended("log.LINES = 100_000\nfor number in range(1000): logger.info('line %d', number)")
    assert code == 0
    assert messages(stderr) == [f"line {number}" for number in range(1000)]


def test_what_an_exception_that_ends_the_process_left_is_written_too() -> None:
    code, stderr = ended("logger.info('before')\nraise SystemExit(3)")
    assert (code, messages(stderr)) == (3, ["before"])


def test_a_line_is_written_without_waiting_for_the_end() -> None:
    with child("logger.info('now')\nsys.stdin.readline()") as process:
        assert process.stderr is not None
        assert messages(process.stderr.readline()) == ["now"]


def test_nobody_reads_and_nobody_waits_and_what_was_lost_is_counted_in_one_line() -> None:
    code = f"""{STUCK}
for number in range(5000):
    logger.info("line %d", number)
tell(len(handler._lines))
sys.stdin.readline()
"""
    with child(code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "1000\n"  # it got to here, and keeps no more than that
        _, stderr = process.communicate("\n", timeout=PATIENCE)
        assert process.returncode == 0
    first, *kept, lost = messages(stderr)
    assert set(first) == {"x"}
    assert kept == [f"line {number}" for number in range(1000)]
    assert lost == "4000 lines of the log were lost, because it was read too slowly"


def test_once_it_is_read_again_nothing_more_is_lost() -> None:
    code = f"""{STUCK}
for number in range(1100):
    logger.info("line %d", number)
tell("full")
while handler._lines or handler._lost:
    time.sleep(0.001)
logger.info("again")
"""
    with child(code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "full\n"
        _, stderr = process.communicate(timeout=PATIENCE)
    assert messages(stderr)[1001:] == ["100 lines of the log were lost, because it was read too slowly", "again"]


def test_a_process_ends_though_nobody_reads() -> None:
    with child(STUCK) as process:
        assert process.wait(FLUSH_SEC + PATIENCE / 2) == 0


def test_a_reader_who_is_gone_disturbs_nobody() -> None:
    code = """
sys.stdin.readline()
logger.info("into the void")
while handler._lines:
    time.sleep(0.001)
logger.info("again")
tell("still here")
"""
    with child(code) as process:
        assert process.stderr is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stderr.close()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "still here\n"


@pytest.mark.parametrize(
    "call",
    [
        pytest.param("logger.info('%d', 'one')", id="a number that is none"),
        pytest.param("logger.info('%s %s', 1)", id="too few"),
        pytest.param("logger.info('%s', type('X', (), {'__str__': lambda self: 1 / 0})())", id="a text that fails"),
    ],
)
def test_a_record_that_cannot_be_formatted_disturbs_nobody(call: str) -> None:
    code, stderr = ended(f"{call}\nlogger.info('after')")
    assert code == 0
    assert "--- Logging error ---" in stderr
    assert messages(stderr.splitlines()[-1]) == ["after"]


def test_warnings_of_libraries_are_lines_of_the_log() -> None:
    _, stderr = ended("import warnings\nwarnings.warn('old ways')")
    (line,) = stderr.splitlines()
    assert json.loads(line)["logger"] == "py.warnings"


def test_a_line_is_one_object_with_its_details() -> None:
    _, stderr = ended("logger.warning('late', extra={'job_id': '週次'})")
    line = json.loads(stderr)
    assert (line["level"], line["logger"], line["message"], line["job_id"]) == ("WARNING", "test", "late", "週次")


def test_no_line_is_too_long_for_the_log_of_a_container() -> None:
    code = "logger.info('m' * 100_000, extra={f'x{n}': '\\x1b日' * 50_000 for n in range(9)})"
    _, stderr = ended(code)
    assert len(stderr.encode()) <= log.LINE_BYTES + 1
    line = json.loads(stderr)
    assert line["message"].startswith("m")
    assert " more characters … " in line["message"]
    assert line["x8"].endswith("日")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\x1b]0;owned\x07", id="an escape sequence"),
        pytest.param("a\x9b31mb", id="its short form"),
        pytest.param("a\u202eb", id="right to left"),
        pytest.param("a\nINFO b\u2028c", id="line breaks"),
    ],
)
def test_a_line_says_nothing_that_a_terminal_obeys_and_json_tells_it_exactly(text: str) -> None:
    _, stderr = ended(f"logger.info({text!r}, extra={{'job_id': {text!r}}})")
    assert stderr.removesuffix("\n").isprintable()
    assert (json.loads(stderr)["message"], json.loads(stderr)["job_id"]) == (text, text)


def test_what_is_no_utf_8_is_told_all_the_same() -> None:
    _, stderr = ended("logger.info('file %s', 'a\\udcff', extra={'path': '日\\udcff'})")
    line = json.loads(stderr)
    assert (line["message"], line["path"]) == ("file a\\udcff", "日\\udcff")


def test_times_are_utc_to_the_millisecond() -> None:
    _, stderr = ended("logger.info('now')")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", json.loads(stderr)["time"])


class TestTerminal:
    """Text, as a terminal gets it."""

    def shown(self, code: str, **environment: str) -> str:
        leader, follower = os.openpty()
        try:
            subprocess.run(
                [sys.executable, "-c", BEGIN + code], stderr=follower, check=True, env={**os.environ, **environment}
            )
            os.close(follower)
            text = b""
            with suppress(OSError):  # all is read
                while part := os.read(leader, 65_536):
                    text += part
        finally:
            os.close(leader)
        return text.decode().replace("\r\n", "\n")

    def test_times_are_those_of_the_service_s_zone(self) -> None:
        code = "import datetime\nlogger.info('%s', f'{datetime.datetime.now(datetime.UTC):%H:%M}')"
        shown, _, rest = self.shown(code, TZ="America/New_York").partition(":")
        utc = rest.split("  ")[-1]
        assert (int(shown) - int(utc.split(":")[0])) % 24 == 9  # Tokyo, as BEGIN says

    def test_details_follow_and_can_not_be_taken_for_others(self) -> None:
        code = "logger.info('done', extra={'job_id': '日次 status=failed', 'by': 'x\\x1b[2J', 'status': 'completed'})"
        assert self.shown(code)[9:] == ('INFO    done  job_id="日次 status=failed" by=x\\x1b[2J status=completed\n')

    def test_a_stack_trace_keeps_its_lines_and_obeys_nothing(self) -> None:
        code = "try: raise ValueError('\\x1b[2J\\nb')\nexcept ValueError: logger.exception('a\\nb')"
        first, *trace = self.shown(code).splitlines()
        assert first.endswith("ERROR   a\\nb")
        assert trace[-2:] == ["ValueError: \\x1b[2J", "b"]


OTLP = r"""
log.configure(logging.INFO, "Asia/Tokyo", "otlp")
ours = logging.getLogger("myscheduler.service.dispatch.execution_log")
trace = {"trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7"}
more = {"retries": 2, "duration_ms": 1.5, "error": "\x1b[2J日次", "reason": None}
ours.warning("execution %s", "failed", extra=trace | more)
try:
    raise ValueError("why")
except ValueError:
    logger.exception("a bug", extra={"is_odd": True, "names": ["a", "b"], "path": "\udcff"})
"""


def test_opentelemetrys_json_is_that_of_its_protocol() -> None:
    _, stderr = ended(OTLP)
    failed, bug = (
        json_format.Parse(line, LogsData()) for line in stderr.splitlines()
    )  # refuses fields it does not know
    (resource,) = failed.resource_logs
    told = {one.key: one.value.string_value for one in resource.resource.attributes}
    assert told == {"service.name": "myscheduler", "service.version": __version__}
    (scope,) = resource.scope_logs
    assert scope.scope.name == "myscheduler.service.dispatch.execution_log"
    (record,) = scope.log_records
    assert (record.severity_text, record.severity_number) == ("WARNING", 13)
    assert (record.body.string_value, record.event_name) == ("execution failed", "execution.ended")
    assert record.time_unix_nano == record.observed_time_unix_nano > 1_700_000_000 * 10**9
    values = {one.key: one.value for one in record.attributes}
    assert {name: value.WhichOneof("value") for name, value in values.items()} == {
        "retries": "int_value", "duration_ms": "double_value", "error": "string_value",
    }  # fmt: skip
    assert (values["retries"].int_value, values["error"].string_value) == (2, "\x1b[2J日次")
    assert "\x1b" not in stderr
    (record,) = bug.resource_logs[0].scope_logs[0].log_records
    others = {one.key: one.value for one in record.attributes}
    assert "ValueError: why" in others["exception.stacktrace"].string_value
    assert others["path"].string_value == "\\udcff"


def test_the_ids_of_opentelemetrys_json_are_hexadecimal() -> None:
    """As its protocol says, although bytes are base64 elsewhere in the JSON of protobuf."""
    line = json.loads(ended(OTLP)[1].splitlines()[0])
    (record,) = line["resourceLogs"][0]["scopeLogs"][0]["logRecords"]
    assert (record["traceId"], record["spanId"]) == ("4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7")


def test_the_form_of_the_log_can_be_chosen() -> None:
    _, stderr = ended(
        'log.configure(logging.INFO, "Asia/Tokyo", "text")\nlogger.info("a b", extra={"job_id": "a\\nb"})'
    )
    assert re.fullmatch(r"\d\d:\d\d:\d\d INFO    a b  job_id=.*\n", stderr)
    assert stderr.count("\n") == 1


BOTH = """
same = {"job_id": "週次\\u202e", "status": "completed", "duration_ms": 1.5, "error": "x" * 20_000, "path": "日\\udcff"}
logger = logging.getLogger("myscheduler.service.dispatch.execution_log")
log.REQUEST_ID.set("r1")
logger.info("execution %s", "completed", extra=same)
log.write(logger, logging.INFO, "execution %s", "completed", same)
"""


def test_a_line_of_each_execution_is_as_all_others() -> None:
    _, stderr = ended(BOTH)
    usual, straight = stderr.splitlines()
    assert len(usual) == len(straight) < log.LINE_BYTES
    first, second = json.loads(usual), json.loads(straight)
    assert first.pop("time") <= second.pop("time")
    assert list(first.items()) == list(second.items())
    assert first["event"] == "execution.ended"


@pytest.mark.parametrize(
    ("setting", "count"),
    [
        pytest.param("handler.setFormatter(log._Text('UTC'))", 1, id="text"),
        pytest.param("handler.setFormatter(log._Otlp())", 1, id="the JSON of OpenTelemetry"),
        pytest.param("logging.getLogger().addHandler(logging.StreamHandler())", 2, id="a second handler"),
        pytest.param("logger.addHandler(logging.StreamHandler())", 2, id="a handler of its own"),
        pytest.param("logger.addFilter(lambda _: False)", 0, id="a filter"),
        pytest.param("handler.addFilter(lambda _: False)", 0, id="a filter of the handler"),
        pytest.param("logger.propagate = False; logging.lastResort = None", 0, id="kept from the handler"),
        pytest.param("logger.setLevel(logging.WARNING)", 0, id="a level"),
    ],
)
def test_who_else_takes_or_filters_such_a_line_gets_a_record(setting: str, count: int) -> None:
    _, stderr = ended(f"{setting}\nlog.write(logger, logging.INFO, 'execution %s', 'completed', {{'job_id': 'a'}})")
    assert stderr.count("execution completed") == count
