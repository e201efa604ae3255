"""The log on stderr: one JSON object per line, or readable text on a terminal.

Logged values come from outside (names of jobs and files, answers of targets). So no line is longer than a container
runtime keeps in one piece, and control characters are escaped, so that a terminal can't be manipulated.
"""

import json
import logging
import os
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TextIO

import orjson
from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.orjson import OrjsonFormatter

from myscheduler import __version__
from myscheduler.core.findings.problem import printable
from myscheduler.core.schedule.zones import local_time
from myscheduler.log_events import event_of

_QUIET = ("aiohttp", "alembic", "apscheduler", "asyncio", "httpx", "uvicorn", "watchfiles")
"""Libraries whose INFO lines are suppressed. Those of httpx also hold whole URLs, with their secrets."""

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""The id of the request of the API that is being answered; it is in each line that is logged meanwhile."""
LINES = 100_000
"""The most lines that wait for the writer, which may hold as many again; further lines are dropped and counted."""
PAUSE_SEC = 0.02
"""Pause between two writes; the lines logged meanwhile are written together."""
FLUSH_SEC = 2.0
"""How long `flush` waits for a write in progress before it gives up."""
LINE_BYTES = 16_000
"""The longest line. Container runtimes split lines of more than 16 KiB, and the pieces are not JSON."""
TEXT = 4_000
"""The most characters of one value in a line that is too long; the middle of a longer value is left out."""
_LEAST = 40
"""Values are not cut to fewer characters than this."""


FORMATS = ("auto", "text", "json", "otlp")
"""`auto` is text on a terminal, else JSON; `otlp` is the JSON of OpenTelemetry's protocol."""


def configure(level: int, zone: str, form: str = "auto") -> None:
    """Log records of `level` and above to stderr, in one of `FORMATS`. Text has local times of `zone`, an IANA name."""
    handler = _Background(sys.stderr)
    chosen = form if form != "auto" else "text" if sys.stderr.isatty() else "json"
    handler.setFormatter(_Text(zone) if chosen == "text" else _Otlp() if chosen == "otlp" else _Json())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))
    logging.captureWarnings(capture=True)
    # none of these is shown, and looking them up takes a quarter of the time that a line takes
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - as the logging HOWTO says, "Optimization"


def write(logger: logging.Logger, level: int, template: str, value: str, details: Mapping[str, object]) -> None:
    """Log a line that is written for each execution: `template` with one value, and its `extra` fields.

    Where nothing but the handler of `configure` takes the line, as JSON, no record is made of it, which takes longer
    than all else about the line.
    """
    if not logger.isEnabledFor(level):
        return
    handlers = logger.root.handlers
    handler = handlers[0] if len(handlers) == 1 and _is_plain(logger) else None
    if isinstance(handler, _Background) and type(handler.formatter) is _Json and not handler.filters:
        handler.put(handler.formatter.line(time.time(), level, logger.name, template, template % value, details))
    else:
        logger.log(level, template, value, extra=details)


def _is_plain(logger: logging.Logger) -> bool:
    """Whether only the root logger has handlers for it, and nothing filters it."""
    if logger.filters:
        return False
    one: logging.Logger | None = logger
    while one is not None and one.parent is not None:
        if one.handlers or not one.propagate:
            return False
        one = one.parent
    return True


class _Background(logging.Handler):
    """Formats in the caller's thread and writes in a background thread, so that no caller waits for a slow reader."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._lines: deque[str] = deque()
        self._lost = 0
        self._wanted = threading.Event()
        self._writing = threading.Lock()
        threading.Thread(target=self._run, name="log", daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._lines) >= LINES:  # formatting it would be in vain
            self._lost += 1
            return
        try:
            self.put(self.format(record))
        except Exception:  # noqa: BLE001 - as all handlers do: a wrong logging call must not break its caller
            self.handleError(record)

    def put(self, line: str) -> None:
        """Have a line written; it is lost if too many wait."""
        if len(self._lines) >= LINES:
            self._lost += 1
            return
        self._lines.append(line)
        if not self._wanted.is_set():
            self._wanted.set()

    def flush(self) -> None:
        """Write the waiting lines. Also called at the end of the process, where it gives up if stderr is not read."""
        if not self._writing.acquire(timeout=FLUSH_SEC):
            return
        try:
            self._write()
        finally:
            self._writing.release()

    def _write(self) -> None:
        lines = [self._lines.popleft() for _ in range(len(self._lines))]
        if self._lost:
            lost, self._lost = self._lost, 0
            message = f"{lost} lines of the log were lost, because it was read too slowly"
            lines.append(self.format(logging.LogRecord(__name__, logging.WARNING, "", 0, message, None, None)))
        if not lines:
            return
        try:
            self._stream.write("\n".join([*lines, ""]))
            self._stream.flush()
        except (OSError, ValueError):  # closed, or a full disk: there is nowhere to report it
            return

    def _run(self) -> None:
        while True:
            self._wanted.wait()
            self._wanted.clear()
            self.flush()
            time.sleep(PAUSE_SEC)


class _Json(OrjsonFormatter):
    """JSON with times in UTC to the millisecond: `{"time":"2026-11-29T01:30:00.125Z","level":"INFO",…}`."""

    def __init__(self) -> None:
        super().__init__()
        self._second, self._shown = -1.0, ""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        log_data |= self._head(record.created, record.levelname, record.name, record.msg, record.message)
        log_data |= {"stack_trace" if name == "exc_info" else name: value for name, value in message_dict.items()}
        log_data |= _details(record)  # the base class does more with each attribute, which takes a third of the time

    def _head(self, created: float, level: str, logger: str, template: object, message: str) -> dict[str, Any]:
        """The fields of each line."""
        second, fraction = divmod(created, 1)
        if second != self._second:
            self._second = second
            self._shown = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        time_of = f"{self._shown}.{int(fraction * 1000):03}Z"
        head: dict[str, Any] = {"time": time_of, "level": level, "logger": logger, "message": message}
        if (event := event_of(logger, template)) is not None:
            head["event"] = event
        return head

    def line(
        self, created: float, level: int, logger: str, template: str, message: str, details: Mapping[str, object]
    ) -> str:
        """The line of a record with these values, without the record."""
        data = self._head(created, logging.getLevelName(level), logger, template, message)
        data |= details
        if (request_id := REQUEST_ID.get()) is not None:
            data["request_id"] = request_id
        return self.jsonify_log_record(data)

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        line = self._line(log_data)
        room = TEXT
        while len(line) > TEXT and len(line.encode()) > LINE_BYTES and room > _LEAST:
            line = self._line({name: _cut(value, room) for name, value in log_data.items()})
            room //= 2
        return line

    def _line(self, log_data: dict[str, Any]) -> str:
        try:
            line = self._encoded(log_data)
        except orjson.JSONEncodeError:  # such as a file name that is not UTF-8
            texts = {name: str(value).encode("utf-8", "backslashreplace").decode() for name, value in log_data.items()}
            line = self._encoded(texts)
        if line.isascii() and "\x7f" not in line:  # as most lines are; the search takes longer than the encoding
            return line
        return _OBEYED.sub(_escaped, line)

    def _encoded(self, log_data: dict[str, Any]) -> str:
        return super().jsonify_log_record(log_data)


class _Otlp(_Json):
    """Each line is a message of OTLP in JSON, as OpenTelemetry's file exporter writes it and its collector reads it."""

    def __init__(self) -> None:
        super().__init__()
        service = {"service.name": os.environ.get("OTEL_SERVICE_NAME") or "myscheduler", "service.version": __version__}
        self._resource = {"attributes": _attributes(service)}

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        super().add_fields(log_data, record, message_dict)
        log_data["time"] = int(record.created * 1_000_000) * 1_000

    def _encoded(self, log_data: dict[str, Any]) -> str:
        return super()._encoded({"resourceLogs": [{"resource": self._resource, "scopeLogs": [_scope_logs(log_data)]}]})


def _scope_logs(log_data: dict[str, Any]) -> dict[str, Any]:
    """A record in the data model of OpenTelemetry's logs; what has no place of its own there is an attribute."""
    others = dict(log_data)
    level, time_of = others.pop("level"), str(others.pop("time"))
    record: dict[str, Any] = {
        "timeUnixNano": time_of,
        "observedTimeUnixNano": time_of,
        "severityNumber": _SEVERITIES.get(level, 0),
        "severityText": level,
    }
    scope, record["body"] = {"name": others.pop("logger")}, _value(others.pop("message"))
    for name, place in _PLACES.items():
        if name in others:
            record[place] = others.pop(name)
    if "stack_trace" in others:
        others["exception.stacktrace"] = others.pop("stack_trace")
    return {"scope": scope, "logRecords": [record | {"attributes": _attributes(others)}]}


def _attributes(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": name, "value": _value(value)} for name, value in values.items() if value is not None]


def _value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list() | tuple():
            return {"arrayValue": {"values": [_value(one) for one in value]}}
        case _:
            return {"stringValue": str(value)}


_PLACES = {"event": "eventName", "trace_id": "traceId", "span_id": "spanId"}
_SEVERITIES = {"DEBUG": 5, "INFO": 9, "WARNING": 13, "ERROR": 17, "CRITICAL": 21}
"""The numbers that OpenTelemetry gives to the levels."""


_OBEYED = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""Characters that JSON does not escape, but that control a terminal or reorder the text shown on it."""


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"


def _cut(value: object, room: int) -> object:
    """The value, or its beginning and end where it has more than `room` characters; a long list becomes a text."""
    if isinstance(value, int | float) or value is None:
        return value
    text = value if isinstance(value, str) else str(value)
    if len(text) <= room:
        return value
    return f"{text[: room // 2]} … {len(text) - room:,} more characters … {text[-(room - room // 2) :]}"


class _Text(logging.Formatter):
    """Text such as `10:30:00 INFO    execution completed  job_id=daily-report status=completed`."""

    def __init__(self, zone: str) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")
        self._zone = zone

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: ARG002, N802 - the base class's name
        return f"{local_time(datetime.fromtimestamp(record.created, UTC), self._zone):%H:%M:%S}"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class's name
        record.message = printable(str(_cut(record.message, TEXT)))
        details = " ".join(f"{name}={_word(value)}" for name, value in _details(record).items())
        return super().formatMessage(record) + (f"  {details}" if details else "")

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the base class's name
        return "\n".join(printable(line) for line in str(_cut(super().formatException(ei), TEXT)).split("\n"))


def _details(record: logging.LogRecord) -> dict[str, Any]:
    """The `extra` fields of a record, and the id of the request that it is about."""
    added = islice(record.__dict__.items(), _ATTRIBUTES, None)  # they come after those that each record has
    details = {name: value for name, value in added if name not in _STANDARD and not name.startswith("_")}
    request_id = REQUEST_ID.get()
    return details if request_id is None else details | {"request_id": request_id}


def _word(value: object) -> str:
    """The value as one word; quoted if it is empty or has white space, quotes or an equals sign."""
    text = printable(str(_cut(value, TEXT)))
    return text if text and not _SEVERAL.search(text) else json.dumps(text, ensure_ascii=False)


_SEVERAL = re.compile(r'[\s"=]')
_ATTRIBUTES = len(logging.makeLogRecord({}).__dict__)
_STANDARD = frozenset(RESERVED_ATTRS) | {"message", "asctime", "color_message"}
