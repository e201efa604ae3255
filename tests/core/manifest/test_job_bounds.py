"""How much may stand in a job, and that what is larger costs no more than a look."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from myscheduler.core import bounds
from myscheduler.core.findings import masking
from myscheduler.core.findings.problem import Complaint
from myscheduler.core.manifest import fields
from myscheduler.core.manifest import parsing as manifest
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.excess import excess
from myscheduler.core.manifest.schema import manifest_schema
from myscheduler.core.notifications import notifications_file
from myscheduler.core.policy.policy import Policy
from myscheduler.core.secrets import literals
from myscheduler.core.source import yaml
from tests.support.checkout import ROOT

DOCS = ROOT / "docs"


def judged(policies: tuple[Policy, ...] = (), **fields: Any) -> list[Complaint]:
    given = {"job_id": "a", "target_url": "http://x/", "interval": {"hours": 1}} | fields
    return declare(given, zone="UTC", policies=policies)[1]


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({"body": [0] * bounds.MOST_VALUES}, "", id="items"),
        pytest.param({"body": {str(number): 0 for number in range(bounds.MOST_VALUES)}}, "", id="keys"),
        pytest.param({f"key{number}": 0 for number in range(bounds.MOST_VALUES)}, "", id="unknown keys"),
        pytest.param({"body": [[0] * 100] * 100}, "", id="items of lists"),
        pytest.param({"body": nested(bounds.DEEPEST + 1)}, "", id="depth"),
        pytest.param({"body": nested(100_000)}, "", id="a depth beyond recursion"),
        pytest.param({"body": "x" * bounds.LARGEST_JOB}, "", id="text"),
        pytest.param({"body": "${secret:A}" * (bounds.MOST_REFERENCES + 1)}, "", id="references"),
        pytest.param({"body": ["$${"] * (bounds.MOST_REFERENCES + 1)}, "", id="literal marks"),
        pytest.param({"body": {"x" * bounds.LARGEST_JOB: 1}}, "", id="a key"),
        pytest.param({"max_retries": 10**bounds.LONGEST_NUMBER}, "max_retries", id="a number"),
        pytest.param({"body": {"n": -(10**5_000)}}, "body.n", id="a number in the body"),
        pytest.param({"headers": {f"h{number}": "" for number in range(101)}}, "headers", id="headers"),
        pytest.param({"headers": {f"h{number}": "x" * 8_000 for number in range(9)}}, "headers", id="all headers"),
        pytest.param({"labels": {f"l{number}": "" for number in range(101)}}, "labels", id="labels"),
    ],
)
def test_what_is_too_large_is_one_problem(fields: dict[str, Any], field: str) -> None:
    assert [(one.field, one.rule) for one in judged(**fields)] == [(field, "too-large")]


@pytest.mark.parametrize(
    "fields",
    [
        {"headers": {"x" * (bounds.LONGEST_HEADER_NAME + 1): "y"}},
        {"headers": {"x": "y" * (bounds.LONGEST_HEADER + 1)}},
        {"labels": {"x" * (bounds.LONGEST_LABEL_NAME + 1): "y"}},
        {"labels": {"x": "y" * (bounds.LONGEST_LABEL + 1)}},
        {"name": "x" * (bounds.LONGEST_NAME + 1)},
        {"target_url": "http://x/" + "y" * bounds.LONGEST_URL},
        {"interval": None, "cron": "1," * bounds.LONGEST_WORD + "1 * * * *"},
        {"interval": None, "cron": {"minute": "1," * bounds.LONGEST_WORD + "1"}},
        {"timezone": "x" * (bounds.LONGEST_WORD + 1)},
        {"start_at": "2" * (bounds.LONGEST_WORD + 1)},
    ],
)
def test_what_is_too_long_is_a_problem_of_its_field(fields: dict[str, Any]) -> None:
    (complaint,) = [one for one in judged(**fields) if one.rule != "schedule"]
    assert complaint.loc[0] == list(fields)[-1]


def test_as_much_as_is_allowed_is_no_problem() -> None:
    assert not judged(
        body=[[0] * 90 for _ in range(bounds.MOST_VALUES // 100)],
        headers={f"h{number}": "x" * 600 for number in range(bounds.MOST_HEADERS)},
        labels={f"l{number}": "x" * bounds.LONGEST_LABEL for number in range(bounds.MOST_LABELS)},
    )
    assert excess({"body": nested(bounds.DEEPEST)}) is None
    assert not judged(body={"n": 10 ** (bounds.LONGEST_NUMBER - 1), "text": "x" * 1_000_000})


NUMBERS = (
    "timeout_sec",
    "max_retries",
    "retry_backoff_sec",
    "misfire_grace_time",
    "max_instances",
    "jitter_sec",
    "fold",
)


@pytest.mark.parametrize("name", [*NUMBERS, "interval", "cron", "coalesce", "name", "labels", "blackout"])
@pytest.mark.parametrize("digits", [16, 20, 310, 400, 1_000, 1_001, 4_000, 5_000])
@pytest.mark.parametrize("sign", [1, -1])
def test_numbers_of_any_length_are_problems(name: str, digits: int, sign: int) -> None:
    number = sign * 10 ** (digits - 1)
    places = {"interval": {"hours": number}, "cron": {"hour": number}, "labels": {"a": number}, "blackout": [number]}
    fields = {name: places.get(name, number)} | ({"interval": None} if name == "cron" else {})
    assert any(one.loc[:1] == (name,) for one in judged(**fields))


@pytest.mark.parametrize("name", ["unknown", "headers", "interval"])
def test_many_mistakes_are_all_found_in_short_messages(name: str) -> None:
    many = {f"key-{'x' * 2_000}{number}": None for number in range(400)}
    complaints = judged(**(many if name == "unknown" else {name: many}))
    assert complaints
    assert max(len(one.message) for one in complaints) <= bounds.LONGEST_MESSAGE
    assert max(len(one.field) for one in complaints) <= bounds.LONGEST_FIELD


# --- patterns -----------------------------------------------------------------------------------------------------

PUMPS = (
    *('"', '\\"', '"a\\', 'a\\"a', '"a":"', "-eyJ", "eyJaaaaaaaa.", "a=", "a%", "://", "a://b:", "@", ":", "bearer "),
    *("sk-a", "-SG.aaaaaaaaaaaaaaaa.", "-----BEGIN ", " PRIVATE KEY", "/TAAAAAA/B", "\n", " ", "\t", " #", "0", "1_"),
    *("1:", "${", "${secret:a}", "${secret:", "Aa", "AA", "x "),
)
READERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "masking": ("", masking.masked_text),
    "masking a body": ("", lambda text: literals.masked({"body": {"token": text, "a": text}})),
    "a URL's login": ("x://${secret:a}", lambda text: masking.masked_text(f"{text}}}@h")),
    "a key": ("", masking.key_shown),
    "a credential's name": ("", masking.is_credential_name),
    "ids": ("job_id: ", manifest._ids_in_broken),
    "numbers": ("0", yaml.reads_as_text),
}


@pytest.mark.parametrize("reader", READERS)
def test_no_text_takes_more_than_its_length(reader: str) -> None:
    """Eight times the text takes some eight times as long; where each place looks to the end, it would be 64 times."""
    head, read = READERS[reader]
    for pump in PUMPS:
        short, long = (head + pump * (size // len(pump)) + "!" for size in (8_000, 64_000))
        if _cpu(read, long) > 0.02:
            assert min(_cpu(read, long) for _ in range(3)) < 24 * min(_cpu(read, short) for _ in range(3)), repr(pump)


def _cpu(read: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    read(text)
    return time.thread_time() - began


def test_many_keys_of_a_config_map_are_each_found_at_once() -> None:
    many = "".join(f'  k{number}.yaml: "job_id: x{number}"\n' for number in range(3_000))
    (document,) = yaml.read_documents(f"apiVersion: v1\nkind: ConfigMap\ndata:\n{many}")
    assert document.position(("data", "k2999.yaml")) == (3_003, 15)
    assert len(document._keys) == 2


# --- docs ---------------------------------------------------------------------------------------------------------


def test_the_table_of_bounds_is_that_of_the_code() -> None:
    text = (DOCS / "manifests.md").read_text("utf-8").split("### Size limits")[1]
    told = [int(number.replace(",", "")) for number in re.findall(r"^\|.*\| ([\d,]+)[^|]*\|$", text, re.MULTILINE)]
    assert told == [
        bounds.MOST_VALUES, bounds.LARGEST_JOB, bounds.DEEPEST, bounds.LONGEST_NUMBER, bounds.MOST_REFERENCES,
        bounds.MOST_EXPRESSIONS, 255,
        bounds.LONGEST_NAME,
        bounds.LONGEST_URL, fields.MOST_CRONS, bounds.LONGEST_WORD,
        bounds.MOST_HEADERS, bounds.LONGEST_HEADER_NAME, bounds.LONGEST_HEADER,
        bounds.LARGEST_HEADERS, bounds.MOST_LABELS, bounds.LONGEST_LABEL_NAME, bounds.LONGEST_LABEL,
        bounds.LARGEST_FILE, bounds.MOST_IN_DOCUMENT, bounds.MOST_IN_FILE, bounds.MOST_CALENDARS, bounds.MOST_RULED,
        bounds.MOST_TOKENS, bounds.MOST_ISSUERS, notifications_file.MOST_CHANNELS,
        bounds.MOST_VARIABLES, bounds.LONGEST_RULED, bounds.LARGEST_RULED, bounds.MOST_PROBLEMS, bounds.MOST_IN_REPORT,
    ]  # fmt: skip


def test_the_schema_knows_them() -> None:
    fields = manifest_schema()["properties"]
    (headers, _), (labels, _), (run_at, _) = (fields[name]["anyOf"] for name in ("headers", "labels", "run_at"))
    assert (headers["maxProperties"], labels["maxProperties"]) == (bounds.MOST_HEADERS, bounds.MOST_LABELS)
    one, several = headers["additionalProperties"]["anyOf"]
    assert (one["maxLength"], several["items"]["maxLength"]) == (bounds.LONGEST_HEADER, bounds.LONGEST_HEADER)
    assert run_at["maxLength"] == bounds.LONGEST_WORD
