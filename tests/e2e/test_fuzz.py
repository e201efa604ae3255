"""Whatever is sent to the API or written into manifests: no pause of the event loop, no huge answer, no 500.

The service is a real process with a watchdog on its loop (see `tests.support.watched`). A longer run, and another one:

    MYSCHEDULER_FUZZ_EXAMPLES=2000 MYSCHEDULER_FUZZ_SEED=7 python -m pytest tests/e2e/test_fuzz.py
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from myscheduler.cli import main
from myscheduler.core.manifest.fields import JobFields
from tests.support.checkout import ROOT
from tests.support.service import Service, environment
from tests.support.watched import pauses

pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")  # what fails may be long
EXAMPLES = int(os.environ.get("MYSCHEDULER_FUZZ_EXAMPLES", "25"))
SEED = int(os.environ.get("MYSCHEDULER_FUZZ_SEED", "1"))
LONGEST_PAUSE = 0.25
LARGEST_ANSWER = 1024 * 1024
LARGEST_OUTPUT = 1024 * 1024

fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)


class Watched(Service):
    """The service beside its watchdog."""

    def _start(self) -> subprocess.Popen[str]:
        self.told = self.folder / "pauses"
        self.told.touch()
        command = (sys.executable, "-m", "tests.support.watched", str(self.told), "serve")
        root = str(ROOT)
        given_settings = environment(**self._settings, PYTHONPATH=root)
        return subprocess.Popen(command, cwd=self.folder, env=given_settings, stderr=subprocess.PIPE, text=True)

    def assert_unharmed(self, since: float) -> None:
        """It answers, and its loop had no long pause."""
        assert self.get("/health/live").status_code == 200
        longest: float = max((pause.seconds for pause in pauses(self.told, since=since)), default=0)
        assert longest <= LONGEST_PAUSE, f"the loop stood still for {longest * 1000:.0f} ms"
        assert "Traceback" not in self.text, self.text[-5_000:]

    def ask(self, method: str, path: str, content: bytes | None = None, **headers: str) -> int:
        """The status of an answer that is no 500 and no larger than it may be."""
        since = time.monotonic()
        sent = {"Content-Type": "application/json"} if content is not None else {}
        encoded = {name: value.encode("latin-1") for name, value in (sent | headers).items()}
        answer = self.request(method, path, content=content, headers=encoded, timeout=60)
        assert answer.status_code != 500, answer.text
        assert answer.status_code < 500 or answer.status_code == 503, answer.text
        assert len(answer.content) <= LARGEST_ANSWER
        self.assert_unharmed(since)
        return answer.status_code


@pytest.fixture(scope="module", params=["0", "1"], ids=["by itself", "by a sender"])
def service(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "jobs.d").mkdir()
    with Watched(folder, MYSCHEDULER_SENDERS=request.param) as running:
        running.create(**job(job_id="known"))
        running.create(**job(job_id="daily", interval=None, cron="0 9 * * *", timezone="America/New_York"))
        yield running


def job(**fields: Any) -> dict[str, Any]:
    return {"job_id": "fuzz", "target_url": "http://127.0.0.1:9/", "interval": {"hours": 1}} | fields


# --- what attackers send ------------------------------------------------------------------------------------------

COUNTS = st.sampled_from([0, 1, 99, 101, 500, 9_000, 11_000, 30_000])
ODD = st.sampled_from([
    "", " ", "\x00", "\ud800", "\u202e", "a\nb", "é", "日本", "🕰", "-", "..", "%", "${", "${secret:a}", "${secret:",
    "$${", "*", "*/0", "1-", "@daily", "P1D", "PT", "NaN", "1e999", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z",
    "1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:00",
    "9999-12-31T23:59:59-23:59", "0001-01-01T00:00:00+23:59", "2027-03-14T02:30:00", "2027-11-07T01:30:00",
    "http://u:p@[", "http://127.0.0.1:9/?token=x", "Asia/Tokyo", "known", "../../etc/passwd",
])  # fmt: skip
PUMPS = st.sampled_from([
    "a", '"', '\\"', '"a\\', '"a":"', "-eyJ", "-eyJaaaaaaaa.", "a=", "a%", "://", "a://b:", "@", ":", "bearer ", "sk-",
    "-SG.aaaaaaaaaaaaaaaa", "-----BEGIN ", "ghp_", "/T", "\n", " ", "\t", "job_id: ", " #", "0", "1_", "1:", "1,",
    "${secret:a}", "${secret:", "$", "日", "\u3000", "[", "{", "a.", "*/1,", "x://${secret:a}:::::::}",
])  # fmt: skip
LENGTHS = st.sampled_from([10, 300, 9_000, 70_000, 400_000])


@st.composite
def long_texts(draw: st.DrawFn) -> str:
    pump, head, tail = draw(PUMPS), draw(ODD), draw(st.sampled_from(["", "x", "@", '"', "!", "\x00"]))
    return head + pump * (draw(LENGTHS) // len(pump)) + tail


@st.composite
def numbers(draw: st.DrawFn) -> float:
    digits = draw(st.sampled_from([1, 16, 20, 310, 999, 1_001, 4_000]))
    choices: list[float] = [10 ** (digits - 1), -(10 ** (digits - 1)), 0, -0.0, 1e308, 5e-324, 0.1]
    return draw(st.sampled_from(choices))


@st.composite
def wide(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> Any:
    """Many keys or items."""
    count, value, pump = draw(COUNTS), draw(values), draw(ODD)
    return [value] * count if draw(st.booleans()) else {f"{pump}{number}": value for number in range(count)}


@st.composite
def deep(draw: st.DrawFn) -> Any:
    value: Any = draw(ODD)
    for _ in range(draw(st.sampled_from([1, 49, 51, 99, 102, 300]))):
        value = [value] if draw(st.booleans()) else {"a": value}
    return value


SMALL = st.one_of(ODD, numbers(), st.none(), st.booleans(), st.just([]), st.just({}))
VALUES = st.one_of(SMALL, long_texts(), wide(SMALL), deep())
CRON = st.sampled_from(["0 2 * * *", "*/5 * * * *", "* * * * *", "0 0 1 1 *", "0 0 31 2 *", "59 23 31 12 *"])
BLACKOUTS = st.builds(
    lambda crons, units: [
        {"cron": cron, "duration": {"minutes": minutes}} for cron in crons for minutes in range(1, units)
    ],
    st.lists(CRON, max_size=3),
    st.sampled_from([2, 18, 70]),
)
FIELDS = [*JobFields.model_fields, "replace_existing"]
NAMES = st.sampled_from([*FIELDS, "shedule", "x" * 5_000, "password: s3cret", "\ud800", "\x00"])
JOBS = st.one_of(
    st.dictionaries(NAMES, VALUES, max_size=4).map(lambda fields: job(**fields)),
    BLACKOUTS.map(lambda blackout: job(blackout=blackout)),
    wide(SMALL).map(lambda values: job(**values) if isinstance(values, dict) else {"job_id": "fuzz", "body": values}),
)


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


# --- the operations -----------------------------------------------------------------------------------------------


@seed(SEED)
@fuzzed
@given(body=JOBS, is_new=st.booleans())
def test_jobs_of_any_shape(service: Watched, body: dict[str, Any], *, is_new: bool) -> None:
    content = as_json(body)
    status = (
        service.ask("POST", "/api/v1/jobs", content) if is_new else service.ask("PUT", "/api/v1/jobs/known", content)
    )
    assert status in {200, 400, 409, 413, 422}
    for path in ("/api/v1/jobs", "/api/v1/audit", "/api/v1/preview", "/api/v1/jobs/known/why?at=2027-01-01T00:00"):
        assert service.ask("GET", path) in {200, 422}


ACTIONS = ["/jobs/known/pause", "/jobs/known/resume", "/jobs/known/trigger", "/sync"]
KEYS = st.sampled_from(["by", "reason", "until", "catchup", "approve", "x", "\ud800"])


@seed(SEED)
@fuzzed
@given(
    path=st.sampled_from(ACTIONS),
    body=st.one_of(st.dictionaries(KEYS, VALUES, max_size=3), wide(SMALL)),
    user=st.sampled_from(["ada", "x" * 9_000, "\xff", ""]),
)
def test_actions_of_any_shape(service: Watched, path: str, body: Any, user: str) -> None:
    status = service.ask("POST", f"/api/v1{path}", as_json(body), **{"X-Forwarded-User": user})
    assert status in {200, 400, 404, 409, 413, 422}


QUERIES = [
    *("/jobs/known/why?at={}", "/jobs/daily/why?at={}", "/jobs/{}/why?at=2027", "/jobs/{}", "/jobs/{}/executions"),
    *("/preview?from={}", "/preview?until={}", "/preview?count={}", "/preview?job_id={}", "/audit?job_id={}"),
    *("/audit?limit={}", "/audit?action={}", "/jobs/executions/recent?limit={}", "/{}", "/jobs?{}"),
]


@seed(SEED)
@fuzzed
@given(
    path=st.sampled_from(QUERIES),
    value=st.one_of(ODD, long_texts().map(lambda text: text[:6_000]), numbers().map(str)),
)
def test_queries_of_any_shape(service: Watched, path: str, value: str) -> None:
    sent = quote(value.encode(errors="surrogatepass"), safe="")[:20_000]
    assert service.ask("GET", f"/api/v1{path.format(sent)}") in {200, 400, 404, 405, 414, 422, 431}


@seed(SEED)
@fuzzed
@given(content=st.one_of(st.binary(max_size=200), long_texts().map(lambda text: text.encode(errors="replace"))))
def test_bodies_of_any_bytes(service: Watched, content: bytes) -> None:
    for path in ("/api/v1/jobs", "/api/v1/jobs/known/trigger"):
        assert service.ask("POST", path, content) in {200, 400, 413, 422}


# --- manifests ----------------------------------------------------------------------------------------------------


def as_yaml(value: Any) -> str:
    """JSON is YAML; what UTF-8 can't carry is left out."""
    return json.dumps(value, ensure_ascii=False).encode(errors="replace").decode()


MANIFESTS = st.one_of(
    JOBS.map(as_yaml),
    st.lists(JOBS, min_size=2, max_size=3).map(lambda jobs: "\n---\n".join(map(as_yaml, jobs))),
    long_texts().map(lambda text: f"job_id: fuzz\ntarget_url: {text}\n".encode(errors="replace").decode()),
    st.builds(
        lambda width, levels: "a0: &a0 [x]\n"
        + "".join(f"a{n + 1}: &a{n + 1} [{','.join([f'*a{n}'] * width)}]\n" for n in range(levels)),
        st.sampled_from([2, 10, 100]),
        st.sampled_from([2, 8, 30]),
    ),
    COUNTS.map(lambda count: "".join(f"k{number}.yaml: x\n" for number in range(count))),
    COUNTS.map(
        lambda count: "apiVersion: v1\nkind: ConfigMap\ndata:\n"
        + "".join(f'  k{number}.yaml: "job_id: x"\n' for number in range(count))
    ),
)  # fmt: skip


@seed(SEED)
@settings(fuzzed, max_examples=max(EXAMPLES // 2, 3))
@given(name=st.sampled_from(["fuzz.yaml", "policy.yaml", "calendars.yaml"]), text=MANIFESTS)
def test_manifests_of_any_shape(service: Watched, name: str, text: str) -> None:
    service.write(name, text)
    try:
        for path in ("/api/v1/sync", "/api/v1/sync/files"):
            service.ask("POST" if path.endswith("sync") else "GET", path)
            assert service.ask("GET", path) == 200
    finally:
        (service.jobs_dir / name).unlink()


@seed(SEED)
@settings(fuzzed, max_examples=max(EXAMPLES // 5, 3))
@given(text=MANIFESTS)
def test_validate_says_no_more_than_a_log_holds(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fuzz.yaml"
    path.write_text(text, encoding="utf-8", errors="replace")
    done = CliRunner().invoke(main, ["validate", str(path)])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    assert done.exit_code in {0, 1}
    assert len(done.stdout_bytes) + len(done.stderr_bytes) < LARGEST_OUTPUT
