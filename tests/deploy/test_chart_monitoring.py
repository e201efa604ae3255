"""What the chart tells Prometheus and Grafana is what stands in deploy/, and leads to the metrics."""

from typing import Any

import pytest
import yaml

from tests.support import value_sets
from tests.support.charts import CHART, Object, Release, containers, environment, render
from tests.support.checkout import ROOT

COPIES = {
    "myscheduler.rules.yaml": ROOT / "deploy/prometheus/myscheduler.rules.yaml",
    "myscheduler.json": ROOT / "deploy/grafana/myscheduler.json",
}


@pytest.mark.parametrize("name", COPIES)
def test_the_files_in_the_chart_are_those_of_deploy(name: str) -> None:
    """Helm reads no file outside the chart."""
    assert (CHART / "monitoring" / name).read_bytes() == COPIES[name].read_bytes()


def test_the_rules_and_the_dashboard_arrive_as_they_are() -> None:
    release = value_sets.release("monitoring")
    assert release.one("PrometheusRule")["spec"] == yaml.safe_load(COPIES["myscheduler.rules.yaml"].read_text("utf-8"))
    (shown,) = [one for one in release.of("ConfigMap") if "grafana_dashboard" in one["metadata"]["labels"]]
    assert shown["data"] == {"demo-myscheduler.json": COPIES["myscheduler.json"].read_text("utf-8")}


def _endpoints(release: Release, kind: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = release.one(kind)["spec"][key]
    return found


def _container(release: Release) -> Object:
    (found,) = containers(release.scheduler)
    return found


def _variables(release: Release) -> dict[str, str]:
    return environment(_container(release))


def test_the_monitor_of_the_service_scrapes_both_paths_where_they_are() -> None:
    release = value_sets.release("monitoring")
    one, jobs = _endpoints(release, "ServiceMonitor", "endpoints")
    assert (one["path"], jobs["path"]) == ("/metrics", "/metrics/jobs")
    assert [port["name"] for port in release.one("Service")["spec"]["ports"]] == [one["port"]] == [jobs["port"]]
    assert one["authorization"] == {"credentials": {"name": "api", "key": "token"}}
    assert _variables(release)["MYSCHEDULER_METRICS_LABELS"] == "team,app.kubernetes.io/part-of"


def test_a_port_of_their_own_is_opened_everywhere() -> None:
    release = value_sets.release("monitoring-port")
    one, jobs = _endpoints(release, "PodMonitor", "podMetricsEndpoints")
    assert (one["path"], jobs["path"]) == ("/metrics", "/metrics/jobs")
    assert one["authorization"] == {"credentials": {"name": "prometheus", "key": "bearer"}}
    container = _container(release)
    assert {"name": one["port"], "containerPort": 9090} in container["ports"]
    assert _variables(release)["MYSCHEDULER_METRICS_PORT"] == "9090"
    assert {"port": 9090} in release.one("NetworkPolicy")["spec"]["ingress"][0]["ports"]
    assert {"name": "metrics", "port": 9090, "targetPort": "metrics"} in release.one("Service")["spec"]["ports"]


def test_the_port_of_the_api_can_not_be_that_of_the_metrics() -> None:
    with pytest.raises(Exception, match=r"metrics\.port is 8003"):
        render("apiToken: {existingSecret: a}\nmetrics: {port: 8003}\n")
