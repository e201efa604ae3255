"""Reads metrics with both parsers of the Prometheus client, and has promtool check them."""

import shutil
import subprocess
from collections.abc import Iterator

import httpx
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

OPENMETRICS = {"Accept": "application/openmetrics-text;version=1.0.0"}
PROMTOOL = shutil.which("promtool")
PROMETHEUS = shutil.which("prometheus")
MISSING = "not installed: apt-get install prometheus"

Labels = frozenset[tuple[str, str]]


class Scraped:
    """One answer of `/metrics` or `/metrics/jobs`."""

    def __init__(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, answer.text
        self.text = answer.text
        self.is_openmetrics = answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
        assert self.is_openmetrics or answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        self.families: list[Metric] = [*(read_openmetrics if self.is_openmetrics else read_text)(self.text)]

    def value(self, name: str, **labels: str) -> float | None:
        """The value of one sample, by its name without the prefix; `None` if there is none."""
        return self.samples(name).get(frozenset(labels.items()))

    def samples(self, name: str) -> dict[Labels, float]:
        """The values of all samples of that name, by their labels."""
        return {
            frozenset(sample.labels.items()): sample.value
            for family in self.families
            for sample in family.samples
            if sample.name == f"myscheduler_{name}"
        }

    def series(self) -> set[tuple[str, Labels]]:
        return {
            (sample.name, frozenset(sample.labels.items())) for family in self.families for sample in family.samples
        }

    def exemplars(self) -> Iterator[tuple[str, str]]:
        """The names of samples with an exemplar, and its trace id."""
        for family in self.families:
            for sample in family.samples:
                if sample.exemplar:
                    yield sample.name, sample.exemplar.labels["trace_id"]


async def scrape(api: httpx.AsyncClient, path: str = "/metrics", *, openmetrics: bool = False) -> Scraped:
    return Scraped(await api.get(path, headers=OPENMETRICS if openmetrics else {}))


def complaints(text: str) -> str:
    """What promtool says of metrics in the text format; nothing if all is well."""
    assert PROMTOOL, MISSING
    checked = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    return checked.stdout + checked.stderr
