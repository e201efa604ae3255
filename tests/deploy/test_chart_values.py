"""The values of the chart: the schema knows them all and nothing else; the README lists what values.yaml says."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft7Validator

from myscheduler import __version__
from myscheduler.cli import main
from tests.support import value_sets
from tests.support.charts import CHART, render, values
from tests.support.kubernetes import VERSIONS, mistakes
from tests.test_docs import SNIPPET

README = CHART / "README.md"
SCHEMA_TEXT = (CHART / "values.schema.json").read_text("utf-8")
SCHEMA: dict[str, Any] = json.loads(SCHEMA_TEXT)
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
OF_HELM = {"global", "enabled"}
"""What parents of a subchart set: values for all charts, and whether this one is wanted."""
OF_KUBERNETES = {"resources", "probe"}
"""Kubernetes knows more keys there than have a default."""
FREE = {
    "affinity", "dnsConfig", "global", "securityContext", "file", "jobs.*", "tolerations[]", "variables[].valueFrom",
    "extraEnvFrom[]", "extraVolumes[]", "mounts[]", "extraContainers[]", "initContainers[]",
    "networkPolicy.from[].podSelector", "networkPolicy.from[].namespaceSelector", "networkPolicy.from[].ipBlock",
    "networkPolicy.egress[].to[]", "networkPolicy.egress[].ports[]", "resources.claims[]", "jobs.*[]",
}  # fmt: skip
"""Objects of Kubernetes, and manifests: others know their keys."""


# --- values.schema.json -----------------------------------------------------------------------------------------------


def test_it_is_a_schema_and_formatted_stably() -> None:
    Draft7Validator.check_schema(SCHEMA)

    assert json.dumps(SCHEMA, indent=2, ensure_ascii=False) + "\n" == SCHEMA_TEXT


def _resolved(schema: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The name of the definition, if it is one, and the schema itself."""
    name = schema.get("$ref", "").removeprefix("#/definitions/")
    return (name, SCHEMA["definitions"][name]) if name else ("", schema)


def _differences(schema: dict[str, Any], defaults: Any, place: str = "") -> Iterator[str]:
    name, schema = _resolved(schema)
    known = schema.get("properties")
    if known is None or not isinstance(defaults, dict):
        return
    yield from (f"{place}{key} is not in the schema" for key in defaults.keys() - known.keys())
    if name not in OF_KUBERNETES:
        missing = known.keys() - defaults.keys() - (OF_HELM if not place else set())
        yield from (f"{place}{key} is not in values.yaml" for key in missing)
    for key in defaults.keys() & known.keys():
        yield from _differences(known[key], defaults[key], f"{place}{key}.")


def test_schema_and_defaults_have_the_same_keys() -> None:
    assert list(_differences(SCHEMA, DEFAULTS)) == []
    assert list(_differences(SCHEMA, {**DEFAULTS, "image": {"repo": ""}, "replicas": 1}))[0:1] == [
        "replicas is not in the schema"
    ]


def _open_objects(schema: dict[str, Any], place: str) -> Iterator[str]:
    """The places whose keys the schema leaves open."""
    name, schema = _resolved(schema)
    place = name or place
    if "object" in schema.get("type", ""):
        more = schema.get("additionalProperties", True)
        if more is True:
            yield place
        elif more:
            yield from _open_objects(more, f"{place}.*")
    for key, inner in schema.get("properties", {}).items():
        yield from _open_objects(inner, f"{place}.{key}".lstrip("."))
    for inner in schema.get("allOf", []):
        yield from _open_objects(inner, place)
    if "items" in schema:
        yield from _open_objects(schema["items"], f"{place}[]")


def test_only_what_others_know_is_open() -> None:
    assert set(_open_objects(SCHEMA, "")) == FREE


@pytest.mark.parametrize("name", value_sets.NAMES)
def test_good_values_pass(name: str) -> None:
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values(value_sets.text(name)))


@pytest.mark.parametrize(
    ("text", "place", "told"),
    [
        pytest.param("replicaCount: 2", "''", "'replicaCount' not allowed", id="replicas"),
        pytest.param("Jobs: {}", "''", "'Jobs' not allowed", id="case"),
        pytest.param("image: {repo: a}", "'/image'", "'repo' not allowed", id="image"),
        pytest.param("image: {tag: 1.0}", "'/image/tag'", "got number, want string", id="tag-number"),
        pytest.param("image: {repository: 'a:1'}", "'/image/repository'", "does not match pattern", id="tag-twice"),
        pytest.param("image: {digest: abc}", "'/image/digest'", "does not match pattern", id="digest"),
        pytest.param("image: {pullPolicy: always}", "'/image/pullPolicy'", "must be one of", id="pull-policy"),
        pytest.param("jobs: []", "'/jobs'", "got array, want object", id="jobs-list"),
        pytest.param("jobs: {a: 1}", "'/jobs/a'", "got number", id="job-number"),
        pytest.param("jobs: {a: [text]}", "'/jobs/a/0'", "got string, want object", id="job-list"),
        pytest.param("jobFiles: jobs.d/*.yaml", "'/jobFiles'", "got string, want array", id="glob"),
        pytest.param("extraConfigMaps: [Team]", "'/extraConfigMaps/0'", "does not match", id="configmap-name"),
        pytest.param("extraConfigMaps: [a, a]", "'/extraConfigMaps'", "items at 0 and 1 are equal", id="twice"),
        pytest.param("gitSync: {branch: main}", "'/gitSync'", "'branch' not allowed", id="branch"),
        pytest.param("gitSync: {period: 30}", "'/gitSync/period'", "got number, want string", id="period"),
        pytest.param("gitSync: {period: 30 seconds}", "'/gitSync/period'", "does not match", id="period-text"),
        pytest.param("gitSync: {enabled: 'true'}", "'/gitSync/enabled'", "got string, want boolean", id="text-bool"),
        pytest.param("validate: {timeoutSeconds: 0}", "'/validate/timeoutSeconds'", "minimum", id="timeout"),
        pytest.param("settings: {logLevel: info}", "'/settings/logLevel'", "must be one of", id="level"),
        pytest.param("settings: {historyDays: '30'}", "'/settings/historyDays'", "got string", id="days"),
        pytest.param("settings: {port: 80}", "'/settings'", "'port' not allowed", id="setting"),
        pytest.param("settings: {apiTokenRole: owner}", "'/settings/apiTokenRole'", "must be one of", id="role"),
        pytest.param("settings: {insecure: 'no'}", "'/settings/insecure'", "got string, want boolean", id="insecure"),
        pytest.param("settings: {allowedClients: ['*']}", "'/settings/allowedClients/0'", "not match", id="network"),
        pytest.param("settings: {trustedProxies: [proxy]}", "'/settings/trustedProxies/0'", "not match", id="proxy"),
        pytest.param("sessionSecret: {value: a}", "'/sessionSecret'", "'value' not allowed", id="session"),
        pytest.param("apiToken: hunter2", "'/apiToken'", "got string, want object", id="token"),
        pytest.param("apiToken: {value: a}", "'/apiToken'", "'value' not allowed", id="token-value"),
        pytest.param("database: {url: postgresql://a}", "'/database'", "'url' not allowed", id="url"),
        pytest.param("persistence: {accessModes: [ReadOnlyMany]}", "'/persistence/accessModes/0'", "one of", id="mode"),
        pytest.param("persistence: {size: 2 GB}", "'/persistence/size'", "does not match", id="size"),
        pytest.param("service: {type: Headless}", "'/service/type'", "must be one of", id="service-type"),
        pytest.param("service: {port: 99999}", "'/service/port'", "maximum", id="port"),
        pytest.param("service: {annotations: {a: 1}}", "'/service/annotations/a'", "got number", id="annotation"),
        pytest.param("ingress: {host: a}", "'/ingress'", "'host' not allowed", id="host"),
        pytest.param(
            "ingress: {hosts: [{host: a}]}", "'/ingress/hosts/0'", "got object, want string", id="host-object"
        ),
        pytest.param("ingress: {hosts: ['https://a']}", "'/ingress/hosts/0'", "does not match", id="host-url"),
        pytest.param("httpRoute: {parentRefs: [{}]}", "'/httpRoute/parentRefs/0'", "missing property 'name'", id="ref"),
        pytest.param("networkPolicy: {from: [{cidr: a}]}", "'/networkPolicy/from/0'", "'cidr' not allowed", id="peer"),
        pytest.param("podDisruptionBudget: {minAvailable: 1}", "'/podDisruptionBudget'", "not allowed", id="budget"),
        pytest.param("resources: {limit: {}}", "'/resources'", "'limit' not allowed", id="resources"),
        pytest.param("resources: {limits: {memory: 1 GiB}}", "'/resources/limits/memory'", "not match", id="memory"),
        pytest.param("probes: {liveness: {httpGet: {}}}", "'/probes/liveness'", "'httpGet' not allowed", id="probe"),
        pytest.param("terminationGracePeriodSeconds: 5", "'/terminationGracePeriodSeconds'", "minimum", id="grace"),
        pytest.param("extraEnv: {A: b}", "'/extraEnv'", "got object, want array", id="env-map"),
        pytest.param("extraEnv: [{name: A, value: 1}]", "'/extraEnv/0/value'", "got number", id="env-number"),
        pytest.param("commonAnnotations: {helm.sh/hook: test}", "''", "propertyName 'helm.sh/hook'", id="hook"),
        pytest.param("commonLabels: {a: b c}", "'/commonLabels/a'", "does not match", id="label"),
        pytest.param("nodeSelector: {disk: true}", "'/nodeSelector/disk'", "got boolean, want string", id="selector"),
        pytest.param("fullnameOverride: My_Name", "'/fullnameOverride'", "does not match", id="fullname"),
        pytest.param("dnsPolicy: none", "'/dnsPolicy'", "must be one of", id="dns"),
    ],
)
def test_typos_are_refused(text: str, place: str, told: str) -> None:
    with pytest.raises(helm.HelmError) as refused:
        render(text)

    (line,) = [line for line in str(refused.value).splitlines() if line.startswith("- at ")]
    assert line.startswith(f"- at {place}"), line
    assert told in line


def _paths(defaults: dict[str, Any], *above: str) -> Iterator[tuple[str, ...]]:
    for key, value in defaults.items():
        yield (*above, key)
        if isinstance(value, dict) and not key.endswith("Context"):  # what is within is Kubernetes' own
            yield from _paths(value, *above, key)


@pytest.mark.parametrize("name", ["everything", "git-ssh"])
@pytest.mark.parametrize("path", list(_paths(DEFAULTS)), ids=".".join)
def test_null_is_fine_or_refused(path: tuple[str, ...], name: str, chart_with_files: Path) -> None:
    """As when all lines below a key are comments: no template breaks, and nothing comes out that Kubernetes refuses."""
    given = values(value_sets.text(name))
    inner = given
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    inner[path[-1]] = None
    try:
        release = render(given=given, chart=chart_with_files)
    except helm.HelmError as refused:
        assert f"missing property '{path[-1]}'" in str(refused) or " needs " in str(refused)  # noqa: PT017
        return

    assert {item["kind"]: told for item in release.objects if (told := mistakes(item, VERSIONS[-1]))} == {}


# --- as a part of another chart ---------------------------------------------------------------------------------------


def _parent(folder: Path, text: str) -> Path:
    chart = folder / "shop"
    shutil.copytree(CHART, chart / "charts/myscheduler")
    dependency = {"name": "myscheduler", "version": __version__, "condition": "myscheduler.enabled"}
    metadata = {"apiVersion": "v2", "name": "shop", "version": "1.0.0", "dependencies": [dependency]}
    (chart / "Chart.yaml").write_text(yaml.safe_dump(metadata))
    (chart / "values.yaml").write_text(text)
    return chart


NESTED = """
global: {region: eu}
myscheduler:
  enabled: true
  apiToken: {existingSecret: api}
  persistence: {size: 5Gi}
  jobs: {own: {target_url: "http://a/", cron: "@daily"}}
"""


def test_as_a_subchart(tmp_path: Path) -> None:
    chart = _parent(tmp_path, NESTED)
    both = render("myscheduler: {jobs: {more: {target_url: 'http://a/', cron: '@daily'}}}", chart=chart)

    assert set(both.files) == {"own.yaml", "more.yaml"}
    assert both.one("PersistentVolumeClaim")["spec"]["resources"]["requests"]["storage"] == "5Gi"
    assert both.one("StatefulSet")["metadata"]["name"] == "demo-myscheduler"
    assert render("myscheduler: {enabled: false}", chart=chart).objects == []
    assert set(render("myscheduler: {jobs: {own: null, a: ''}}", chart=chart).files) == {"a.yaml"}
    with pytest.raises(helm.HelmError, match="'perssistence' not allowed"):
        render("myscheduler: {perssistence: {}}", chart=chart)


# --- values.yaml and the README ---------------------------------------------------------------------------------------

_KEY = re.compile(r"( *)([A-Za-z]+):")
_COMMENT = re.compile(r" *# (.*)")


def descriptions() -> dict[str, str]:
    """What the `# --` comments of values.yaml say, by the path of the value below each."""
    found: dict[str, str] = {}
    path: list[str] = []
    told: list[str] = []
    for line in (CHART / "values.yaml").read_text("utf-8").splitlines():
        if comment := _COMMENT.fullmatch(line):
            text = comment[1]
            told = [text.removeprefix("-- ")] if text.startswith("-- ") else [*told, text] if told else []
        elif key := _KEY.match(line):
            path = [*path[: len(key[1]) // 2], key[2]]
            if told:
                found[".".join(path)] = " ".join(told)
            told = []
        else:
            told = []
    return found


def _leaves(defaults: dict[str, Any], place: str = "") -> Iterator[str]:
    for key, value in defaults.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, f"{place}{key}.")
        else:
            yield f"{place}{key}"


def test_every_value_is_described() -> None:
    known = descriptions()
    bare = [
        leaf for leaf in _leaves(DEFAULTS) if not any(leaf == path or leaf.startswith(f"{path}.") for path in known)
    ]

    assert bare == []
    assert [path for path, text in known.items() if not text.endswith(".")] == []
    assert len(EXAMPLES) > 10


EXAMPLES = [
    pytest.param(path, example, id=path)
    for path, told in descriptions().items()
    for example in re.findall(r"`([\[{].*?[\]}])`", told)
]


@pytest.mark.parametrize(("path", "example"), EXAMPLES)
def test_the_forms_in_the_comments_are_good(path: str, example: str) -> None:
    given = yaml.safe_load(example)
    for key in reversed(path.split(".")):
        given = {key: given}
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(given)


def _default(path: str) -> str:
    value: Any = DEFAULTS
    for key in path.split("."):
        value = value[key]
    text = json.dumps(value, ensure_ascii=False)
    return f"`{text}`" if len(text) <= 40 else "see values.yaml"


def _cell(text: str) -> str:
    return text.replace("|", r"\|")


def test_the_readme_lists_every_value() -> None:
    rows = [f"| `{path}` | {_default(path)} | {_cell(text)} |" for path, text in descriptions().items()]
    table = "\n".join(
        ["<!-- values -->", "| key | default | description |", "|---|---|---|", *rows, "<!-- /values -->"]
    )
    written = README.read_text("utf-8")
    told = re.sub(r"<!-- values -->.*<!-- /values -->", lambda _: table, written, flags=re.DOTALL)
    if os.environ.get("GOLDEN") == "write":
        README.write_text(told, encoding="utf-8")

    assert len(rows) > 80
    assert told == README.read_text("utf-8")


SHOWN = [block for name, block in SNIPPET.findall(README.read_text("utf-8")) if name == "values.yaml"]


@pytest.mark.parametrize("text", SHOWN, ids=lambda text: text.partition(":")[0])
def test_the_values_in_the_readme_are_good(text: str, chart_with_files: Path) -> None:
    release = render(text, chart=chart_with_files)
    result = CliRunner().invoke(main, ["validate", "-"], input=release.stream)

    assert (result.exit_code, "error" in result.output) == (0, False), result.output


def test_the_readme_shows_each_way_that_jobs_get_in() -> None:
    shown = {key for text in SHOWN for key in yaml.safe_load(text)}

    assert {"jobs", "policy", "jobFiles", "extraConfigMaps", "gitSync"} <= shown
