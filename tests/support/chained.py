"""A service with chains: one that went partly wrong and whose repair ran, with Japanese names, and one that runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.service import Service
from tests.support.target import Answer, Silence, Target

WRONG = "受注データ取込"
"""The job with which the chain begins that went partly wrong."""
JOBS: list[dict[str, Any]] = [
    {"job_id": WRONG, "interval": {"hours": 6}, "chain_timeout_sec": 3600},
    {"job_id": "check", "name": "受注データの内容の検証とその結果の保存", "after": [{"job": WRONG}], "path": "/fail"},
    {"job_id": "sum", "after": [{"job": WRONG}]},
    {"job_id": "close", "name": "締め処理", "after": [{"job": "check"}, {"job": "sum"}]},
    {"job_id": "repair", "after": [{"job": "check", "on": "failure"}, {"job": "sum", "on": "failure"}], "join": "any"},
    {"job_id": "tidy", "after": [{"job": "repair", "on": "always"}]},
    {"job_id": "extract", "interval": {"hours": 6}, "chain_timeout_sec": 900},
    {"job_id": "load", "after": [{"job": "extract"}], "path": "/held", "timeout_sec": 600},
    {"job_id": "send", "after": [{"job": "load"}]},
]


def add_jobs(service: Service, target: Target) -> None:
    """Create `JOBS`: `check` fails, and `load` gets no answer."""
    target.answers("/fail", Answer(500, b"no"))
    target.answers("/held", Silence())
    for job in JOBS:
        service.create(target_url=target.url(job.get("path", "/ok")), **{k: v for k, v in job.items() if k != "path"})


def chain(service: Service, chain_id: str) -> dict[str, Any]:
    """The run as the API tells of it."""
    found: dict[str, Any] = service.get(f"/api/v1/chains/{chain_id}").json()
    return found


def run(service: Service, job_id: str) -> str:
    """Begin a chain; returns its id once all of it has ended."""
    chain_id = service.trigger(job_id)
    service.until(lambda: chain(service, chain_id).get("status") not in {None, "running"})
    return chain_id


def begin(service: Service) -> str:
    """Begin the chain of `extract`, `load` and `send`; returns its id once `load` runs, which it does for long."""
    chain_id = service.trigger("extract")
    service.until(lambda: [one["status"] for one in chain(service, chain_id).get("nodes", ())][1:2] == ["running"])
    return chain_id


@contextmanager
def with_chains(folder: Path) -> Iterator[Service]:
    """A service in which one of the chains has ended and the other one runs."""
    with Target() as target, Service(folder) as service:
        add_jobs(service, target)
        run(service, WRONG)
        begin(service)
        yield service
