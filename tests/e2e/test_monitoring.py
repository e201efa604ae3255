"""The real service and a real Prometheus: what it scrapes, with a token, from a port of the metrics' own."""

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.support.checkout import ROOT
from tests.support.metrics import MISSING, PROMETHEUS
from tests.support.patience import PATIENCE
from tests.support.service import COMMAND, Service, environment, manifest
from tests.support.target import Target

TOKEN = "a-token-of-a-viewer-that-scrapes"
OPEN = {"Authorization": f"Bearer {TOKEN}"}


def metrics_url(service: Service) -> str:
    line = service.wait_for_log(lambda line: "metrics are served on" in line["message"])
    return str(line["message"].split(" on ")[1].removesuffix("/metrics"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def prometheus(folder: Path, target: str) -> Iterator[httpx.Client]:
    """A Prometheus with our rules that scrapes both paths of `target` with the token, four times a second."""
    assert PROMETHEUS
    jobs = [{"job_name": name, "metrics_path": path} for name, path in (("one", "/metrics"), ("two", "/metrics/jobs"))]
    scraped = {"authorization": {"credentials": TOKEN}, "static_configs": [{"targets": [target]}]}
    config: dict[str, Any] = {
        "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms"},
        "rule_files": [str(ROOT / "deploy/prometheus/myscheduler.rules.yaml")],
        "scrape_configs": [one | scraped for one in jobs],
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config), "utf-8")
    port = free_port()
    options = (f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/tsdb")
    enabled = (f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage")
    process = subprocess.Popen([PROMETHEUS, *options, *enabled], stderr=subprocess.DEVNULL)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", trust_env=False) as client:
            yield client
    finally:
        process.kill()
        process.wait()


def asked(client: httpx.Client, path: str, **query: str) -> Any:
    """The data of the answer; `None` while Prometheus starts."""
    try:
        answer = client.get(path, params=query)
    except httpx.TransportError:
        return None
    return answer.json()["data"] if answer.status_code == 200 else None


def value(client: httpx.Client, expression: str) -> float | None:
    found = asked(client, "/query", query=expression)
    return float(found["result"][0]["value"][1]) if found and found["result"] else None


@pytest.mark.skipif(PROMETHEUS is None, reason=MISSING)
def test_a_real_prometheus_scrapes_the_metrics_and_has_an_alert_fire(tmp_path: Path) -> None:
    settings = {"MYSCHEDULER_API_TOKEN": TOKEN, "MYSCHEDULER_API_TOKEN_ROLE": "operator"}
    with Service(tmp_path, MYSCHEDULER_METRICS_PORT="0", **settings) as service:
        service.write("a.yaml", manifest("失敗", "http://127.0.0.1:9/", "interval: {seconds: 1}"))
        where = metrics_url(service).removeprefix("http://")
        with prometheus(tmp_path, where) as client:
            failures = 'myscheduler_job_consecutive_failures{job_id="失敗"}'
            service.until(lambda: (value(client, failures) or 0) >= 3, must_live=True)
            service.until(lambda: value(client, "sum(up)") == 2)
            assert value(client, 'sum(myscheduler_executions_total{status="failed"}) >= bool 3') == 1
            assert value(client, "count(myscheduler_build_info)") == 1
            service.until(
                lambda: any(
                    one["labels"].get("job_id") == "失敗" and one["state"] == "firing"
                    for one in (asked(client, "/alerts") or {"alerts": []})["alerts"]
                )
            )
            exemplars = asked(
                client, "/query_exemplars", query="myscheduler_execution_duration_seconds_bucket",
                start="2020-01-01T00:00:00Z", end="2100-01-01T00:00:00Z",
            )  # fmt: skip
            ids = {one["trace_id"] for one in service.log if "execution_id" in one}
            traces = {one["labels"]["trace_id"] for series in exemplars for one in series["exemplars"]}
            assert traces
            assert traces <= ids
        assert service.terminate() == 0


def test_a_port_of_their_own_has_the_metrics_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path, MYSCHEDULER_API_TOKEN=TOKEN, MYSCHEDULER_METRICS_PORT="0") as service:
        url = metrics_url(service)
        assert service.get("/metrics", headers=OPEN).status_code == 404
        with httpx.Client(base_url=url, trust_env=False) as client:
            assert client.get("/metrics").status_code == 401
            assert client.get("/metrics", headers=OPEN).text.startswith("# HELP myscheduler_build_info ")
            assert client.get("/metrics/jobs", headers=OPEN).status_code == 200
            assert client.get("/api/v1/jobs", headers=OPEN).status_code == 404
            assert client.get("/metrics", headers=OPEN | {"Host": "foreign.example.com"}).status_code == 421
        assert service.terminate() == 0
        assert not [line for line in service.log if line["level"] in {"ERROR", "CRITICAL"}]


def test_heartbeats_and_channels_are_measured(tmp_path: Path) -> None:
    notifications = 'channels: {chat: {kind: slack, url: "${secret:slack}"}}\ndefault: {channels: [chat]}\n'
    with Target() as monitor, Service(tmp_path, MYSCHEDULER_HEARTBEAT_URL=monitor.url("/ping")) as service:
        service.write("notifications.yaml", notifications)
        service.until(lambda: 'notifications_total{channel="chat",result="failed"} 0.0' in service.get("/metrics").text)
        beat = re.compile(r"^myscheduler_heartbeat_last_success_timestamp_seconds (\S+)$", re.MULTILINE)
        service.until(lambda: beat.search(service.get("/metrics").text) is not None)
        (written,) = beat.findall(service.get("/metrics").text)
        assert abs(float(written) - time.time()) < PATIENCE
        assert service.terminate() == 0


def test_a_port_that_is_taken_ends_the_start_with_its_name(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = subprocess.run(
            COMMAND, cwd=tmp_path, env=environment(MYSCHEDULER_METRICS_PORT=str(port)), capture_output=True, text=True,
            check=False,
        )  # fmt: skip
    assert told.returncode == 1
    assert f"MYSCHEDULER_METRICS_PORT (--metrics-port): can't listen on 127.0.0.1:{port}" in told.stderr
    assert not (tmp_path / "data").exists()
