"""What the log of a real service says at each level."""

from collections import Counter
from pathlib import Path
from typing import Any

from myscheduler.log_events import EVENTS
from tests.support.service import START_SEC, Service, manifest
from tests.support.target import Target


def test_an_execution_is_one_line_at_info(tmp_path: Path, target: Target) -> None:
    with Service(tmp_path) as service:
        service.write("a.yaml", manifest("日次", target.url("/ok"), "interval: {seconds: 1}"))
        target.wait_for(3, timeout=START_SEC)
        assert service.terminate() == 0
        lines = [line for line in service.log if "execution_id" in line]
        assert set(Counter(line["execution_id"] for line in lines).values()) == {1}
        assert {line["message"] for line in lines} == {"execution completed"}
        fields = {"job_id", "scheduled_at", "started_at", "status", "http_status", "duration_ms", "retries"}
        assert all(fields <= line.keys() for line in lines)
        assert '"job_id":"日次"' in service.text


def test_every_part_says_something_at_debug(tmp_path: Path, target: Target) -> None:
    with Service(tmp_path, LOG_LEVEL="debug", MYSCHEDULER_SECRET_KEY="s3cret") as service:
        refers = 'headers: {X-Key: "${secret:KEY}"}'
        service.write("a.yaml", manifest("a", target.url("/ok"), "interval: {seconds: 1}", refers))
        target.wait_for(1, timeout=START_SEC)
        said = {
            "opening the database", "woken: the source may have changed", "source read", "planned", "plan applied",
            "jobs armed", "timers set", "timers rang", "claims stored", "execution started", "secrets looked up",
            "attempt ended", "checking for pauses that are over, every 1 s", "request",
        }  # fmt: skip
        service.get("/health")
        service.until(lambda: said <= {line["message"] for line in service.log}, within=START_SEC)
        assert "s3cret" not in service.text
        service.get("/api/v1/jobs/nothing")
        service.terminate()
        assert [line for line in service.log if not _is_as_documented(line)] == []


def _is_as_documented(line: dict[str, Any]) -> bool:
    """Whether a line of ours has an event, and no fields but those of the event."""
    fields = {name for event in EVENTS.values() if event.name == line.get("event") for name in event.fields}
    common = {"time", "level", "logger", "message", "event", "request_id", "stack_trace"}
    is_ours = line["logger"].startswith("myscheduler")
    return (not is_ours or "event" in line) and set(line) - common <= (fields if is_ours else set(line))
