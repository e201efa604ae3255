"""targets.yaml: what it declares, what is wrong with it, and how jobs are completed from it."""

from datetime import timedelta
from typing import Any

import pytest

from myscheduler.core.calls.breaker import BreakerRules
from myscheduler.core.calls.rate import Rate
from myscheduler.core.dispatch.throttles import TargetLimits
from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.digest import digest
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.manifest.targets_file import NO_TARGETS, SharedTargets, read_targets
from myscheduler.core.manifest.writing import document, fault_of, manifest_fields
from myscheduler.core.source.snapshot import SourceFile, UnreadableFile
from myscheduler.core.templates.variables import Variables

VARIABLES = Variables({"host": "x.example.com"})
BILLING = """
billing:
  base_url: https://billing.example.com/v1/
  headers: {X-Team: billing, X-A: [b, c]}
  query: {key: "1", lang: ja}
  auth: {bearer: {token: "${secret:token}"}}
  retry: {max_attempts: 4}
  timeout_sec: 5
  concurrency: 2
  rate: {calls: 10, per: PT1S, burst: 3}
  breaker: {failures: 2}
"""


def read(text: str) -> SharedTargets:
    return read_targets(SourceFile.of("targets.yaml", text.encode()), variables=VARIABLES)


def declared(text: str, targets: str = BILLING) -> JobSpec:
    file = SourceFile.of("a.yaml", f"job_id: a\ninterval: PT1H\n{text}".encode())
    parsed = parse_file(file, zone="UTC", targets=read(targets), variables=VARIABLES)
    assert parsed.problems == ()
    (job,) = parsed.jobs
    assert job.spec is not None
    return job.spec


def test_limits() -> None:
    found = read(BILLING + "free: {base_url: 'http://x'}\nusual: {base_url: 'http://x', breaker: {}}")
    assert found.problems == ()
    assert found.limits == {
        "billing": TargetLimits(2, Rate(10, timedelta(seconds=1), 3), BreakerRules(failures=2)),
        "free": TargetLimits(),
        "usual": TargetLimits(breaker=BreakerRules()),
    }


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("", "https://billing.example.com/v1/"),
        ("path: /close", "https://billing.example.com/v1/close"),
        ("path: close?x=1", "https://billing.example.com/v1/close?x=1"),
        ("path: '?x=1'", "https://billing.example.com/v1?x=1"),
        ("target_url: https://billing.example.com/v1/other", "https://billing.example.com/v1/other"),
    ],
)
def test_the_url(written: str, url: str) -> None:
    assert declared(f"target: billing\n{written}").target_url == url


def test_what_a_job_leaves_out_comes_from_its_target_and_its_own_wins() -> None:
    spec = declared("target: billing\nheaders: {x-a: own}\nquery: {key: 2}\ntimeout_sec: 9")
    assert dict(spec.headers) == {"X-Team": "billing", "x-a": "own"}
    assert dict(spec.query) == {"lang": "ja", "key": "2"}
    assert (spec.timeout_sec, spec.max_retries, spec.target) == (9, 3, "billing")
    assert declared("target: billing").timeout_sec == 5


def test_a_base_url_may_come_from_a_variable() -> None:
    spec = declared("target: a\npath: /x", "a: {base_url: 'https://{{ vars.host }}/v1'}")
    assert spec.target_url == "https://x.example.com/v1/x"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("target: biling", "2:9: error: target: targets.yaml has no target 'biling': did you mean 'billing'?"),
        ("path: /x\ntarget_url: http://x", "error: path: path belongs to target"),
        ("target: billing\ntarget_url: https://evil.example.com/v1/", "is not below the base URL of the target"),
        ("target: billing\ntarget_url: https://billing.example.com/v1evil", "is not below the base URL of the target"),
        ("target: billing\ntarget_url: https://billing.example.com/v1/x\npath: /x", "is not below the base URL"),
        ("target: [a]", "error: target: has to be text"),
    ],
)
def test_a_job_that_does_not_fit(text: str, expected: str) -> None:
    file = SourceFile.of("a.yaml", f"job_id: a\n{text}\ninterval: PT1H".encode())
    parsed = parse_file(file, zone="UTC", targets=read(BILLING))
    assert (parsed.jobs, len(parsed.problems)) == ((), 1)
    assert expected in str(parsed.problems[0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[]", "write targets as a mapping"),
        ("a: 1", "a: write an object with base_url"),
        ("a: {}", "a.base_url: is missing"),
        ("a: {base_url: 'ftp://x'}", "a.base_url: has to start with http"),
        ("a: {base_url: 'http://x?a=1'}", "a.base_url: can't have a query"),
        ("a: {base_url: 'http://x', concurency: 2}", "unknown key 'concurency': did you mean 'concurrency'?"),
        ("a: {base_url: 'http://x', retries: 2}", "unknown key 'retries'"),
        ("a: {base_url: 'http://x', concurrency: 0}", "a.concurrency: should be greater"),
        ("a: {base_url: 'http://x', rate: {calls: 1, per: PT0.5S}}", "a.rate.per"),
        ("a: {base_url: 'http://x', rate: {calls: 1, per: P2D}}", "a.rate.per: is from a second to a day"),
        ("a: {base_url: 'http://x', breaker: {open_sec: 400}}", "a.breaker.longest_sec: is less than open_sec"),
        ("a: {base_url: 'http://x', retry: {max_attempt: 2}}", "a.retry.max_attempt: unknown key"),
        ("a: {base_url: 'http://x', headers: {Connection: close}}", "a.headers.Connection"),
        ("a: {base_url: 'http://x', method: POST}", "unknown key 'method'"),
        ("'a/b': {base_url: 'http://x'}", "is no name of a target"),
        ("a: {base_url: 'http://{{ vars.none }}/'}", "a.base_url"),
    ],
)
def test_what_is_wrong_with_a_file(text: str, expected: str) -> None:
    found = read(text)
    assert (found.known, found.has_errors) == ({}, True)
    assert expected in " ".join(map(str, found.problems))


def test_no_file_and_one_that_can_not_be_read() -> None:
    assert read_targets(None) is NO_TARGETS
    found = read_targets(UnreadableFile("targets.yaml", "permission denied"))
    assert found.has_errors
    assert read("").problems == ()


def test_a_mistake_in_an_inherited_field_is_reported_where_the_target_is_named() -> None:
    targets = "a: {base_url: 'http://x', headers: {Content-Type: text/plain}}"
    file = SourceFile.of("a.yaml", b"job_id: a\ninterval: PT1H\ntarget: a\nmultipart: [{name: b, value: c}]")
    parsed = parse_file(file, zone="UTC", targets=read(targets))
    (problem,) = parsed.problems
    assert (problem.line, problem.field) == (3, "target")
    assert "headers.Content-Type of target a: multipart sets the Content-Type itself" in problem.message


def test_a_job_with_a_target_is_stored_and_exported() -> None:
    spec = declared("target: billing\npath: /close")
    assert from_json(to_json(spec)) == spec
    text = document(manifest_fields(spec))
    assert fault_of(text, spec, zone="UTC") is None
    assert digest(spec) != digest(declared("target_url: https://billing.example.com/v1/close"))


def test_an_unknown_target_of_a_file_with_mistakes() -> None:
    assert "see its problems" in read("a: 1").unknown("a")


def test_nothing_else_is_said_of_a_job_whose_target_is_unknown() -> None:
    given: dict[str, Any] = {"target": "x"}
    assert NO_TARGETS.unknown(given["target"]) == "targets.yaml has no target 'x'"
