"""The chart, rendered by Helm's own engine as `helm template demo --namespace jobs -f values.yaml` would."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import helm_python as helm

from tests.support.checkout import ROOT

CHART = ROOT / "helm/myscheduler"
NAME = "demo"
NAMESPACE = "jobs"
_BETWEEN = re.compile(r"(?:^|\s*\n)---\s*")
"""As Helm splits the text of a template into objects."""

Object = dict[str, Any]


@dataclass(frozen=True)
class Release:
    """What a chart renders to: the texts of its templates by their paths."""

    texts: Mapping[str, str]

    @property
    def notes(self) -> str:
        return next(text for path, text in self.texts.items() if path.endswith("/NOTES.txt"))

    @cached_property
    def documents(self) -> dict[str, str]:
        """The text of each object by `Kind name`, in the order of the templates."""
        found = {}
        for path, text in sorted(self.texts.items()):
            if not path.endswith("/NOTES.txt"):
                for document in _BETWEEN.split(text):
                    if value := values(document):
                        key = f"{value['kind']} {value['metadata']['name']}"
                        assert key not in found, f"{key} is there twice"
                        found[key] = document.strip("\n") + "\n"
        return found

    @cached_property
    def objects(self) -> list[Object]:
        return [values(text) for text in self.documents.values()]

    @property
    def stream(self) -> str:
        """What `helm template` prints, hooks and tests too."""
        return "".join(f"---\n# Source: myscheduler\n{text}" for text in self.documents.values())

    def of(self, kind: str) -> list[Object]:
        return [item for item in self.objects if item["kind"] == kind]

    def one(self, kind: str, ending: str = "") -> Object:
        (found,) = [item for item in self.of(kind) if item["metadata"]["name"].endswith(ending)]
        return found

    @property
    def scheduler(self) -> Object:
        """The pod template of the service."""
        template: Object = self.one("StatefulSet")["spec"]["template"]
        return template

    @property
    def files(self) -> dict[str, str]:
        """The files of own jobs."""
        data: dict[str, str] = self.one("ConfigMap", "-jobs")["data"]
        return data

    @property
    def pods(self) -> Iterator[tuple[str, Object]]:
        """Every pod that the chart starts: its name, and its `metadata` and `spec`."""
        for item in self.objects:
            if item["kind"] == "Pod":
                yield item["metadata"]["name"], item
            elif "template" in item.get("spec", {}):
                yield item["metadata"]["name"], item["spec"]["template"]

    def hooks(self, event: str) -> list[Object]:
        return [item for item in self.objects if event in annotations(item).get("helm.sh/hook", "").split(",")]


def annotations(item: Object) -> dict[str, str]:
    found: dict[str, str] = item["metadata"].get("annotations", {})
    return found


def containers(pod: Object) -> list[Object]:
    spec = pod["spec"]
    found: list[Object] = [*spec.get("initContainers", []), *spec["containers"]]
    return found


def environment(container: Object) -> dict[str, str]:
    """Its variables that are written out."""
    return {one["name"]: one["value"] for one in container.get("env", []) if "value" in one}


def values(text: str) -> dict[str, Any]:
    """Values as Helm reads them from a file, and objects as it sends them to Kubernetes."""
    return helm.values_from_yaml(text)


def with_credentials(given: Mapping[str, Any]) -> Object:
    """Without any the chart renders nothing: values that say nothing of them get the Secret `api-token`."""
    says = given.keys() & {"apiToken", "access"} or "insecure" in (given.get("settings") or {})
    return {**given} if says else {**given, "apiToken": {"existingSecret": "api-token"}}


def render(
    text: str = "",
    *,
    chart: Path = CHART,
    name: str = NAME,
    given: Mapping[str, Any] | None = None,
    is_upgrade: bool = False,
) -> Release:
    """Render with values given as YAML text, or read already. Raises what Helm says.

    Where the values have no credentials, they get some: see `with_credentials`.
    """
    told = with_credentials(given if given is not None else values(text))
    with helm.Chart.load(chart) as loaded:
        return Release(
            loaded.render(
                told,
                name=name,
                namespace=NAMESPACE,
                is_install=not is_upgrade,
                is_upgrade=is_upgrade,
            )
        )
