"""The benchmarks, with tiny sizes: they measure what they say, lose nothing, and write their files."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.chromium import missing
from benchmarks.soak.report import report as soak_report
from benchmarks.soak.samples import Sample
from tests.support.checkout import ROOT
from tests.support.once import made_once
from tests.support.patience import PATIENCE

RUN_SEC = 600
"""A run takes half a minute where nothing else wants the processors."""
PNG = b"\x89PNG\r\n\x1a\n"
JOBS = {
    "sustained": 20,
    "burst-1000": 30,
    "burst-10000": 60,
    "list-jobs": 20,
    "create": 50,
    "reconcile": 40,
    "start": 40,
    "memory": None,
    "scrape": 40,
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One run for all tests of this module, on whichever workers they are."""

    def run(folder: Path) -> None:
        out = folder / "results"
        command = (sys.executable, "-m", "benchmarks", "--quick", "--out", str(out), "--format", "json")
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SEC, check=False)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout) == json.loads((out / "results.json").read_text(encoding="utf-8"))

    return made_once(tmp_path_factory, worker_id, "benchmarks", run) / "results"


@pytest.fixture
def report(results: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((results / "results.json").read_text(encoding="utf-8"))
    return value


def test_writes_its_three_files_and_nothing_else(results: Path) -> None:
    assert {path.name for path in results.iterdir()} == {"results.json", "results.txt", "results.png"}
    assert (results / "results.png").read_bytes().startswith(PNG)


def test_measures_every_number(report: dict[str, Any]) -> None:
    rows = {(row["figure"], row["name"]): row["measured"] for row in report["numbers"]}
    assert {figure for figure, _ in rows} == set(JOBS)
    if not Path("/proc").exists():
        assert rows.pop(("memory", "resident")) is None
    for key, measured in rows.items():
        assert measured == 0 if key[1] in {"lost", "doubled"} else 0 < measured < 100_000, key


@pytest.mark.parametrize(("figure", "jobs"), JOBS.items())
def test_does_what_it_is_told(report: dict[str, Any], figure: str, jobs: int | None) -> None:
    facts = report["facts"][figure]["service"]
    assert "failed" not in facts
    complaints = [line for line in facts.get("log", {}) if "no processor was free" not in line]
    assert not complaints, "the service complained"
    assert facts.get("jobs", facts.get("manifests")) == jobs


def test_compares_the_sink_with_the_history(report: dict[str, Any]) -> None:
    sustained = report["facts"]["sustained"]["service"]
    assert sustained["received"] == sustained["recorded"] >= JOBS["sustained"]
    for figure in ("burst-1000", "burst-10000"):
        assert report["facts"][figure]["service"]["received"] == JOBS[figure]
        assert report["lateness"][figure]["service"][-1][1] == 1
    assert report["facts"]["list-jobs"]["service"]["executions"] >= report["sizes"]["listed_executions"]


def test_the_text_has_a_row_for_each_number(results: Path, report: dict[str, Any]) -> None:
    lines = (results / "results.txt").read_text(encoding="utf-8").splitlines()
    for row in report["numbers"]:
        assert any(line.startswith(row["figure"]) and row["title"] in line for line in lines), row


def test_tells_no_host_and_no_folder(results: Path) -> None:
    text = (results / "results.json").read_text(encoding="utf-8")
    assert str(ROOT) not in text
    assert str(results.parent) not in text


def test_refuses_a_figure_that_it_does_not_know() -> None:
    command = (sys.executable, "-m", "benchmarks", "--only", "create,nonsense")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 2
    assert "no figure is called nonsense; there are sustained, burst-1000" in done.stderr


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """One soak of some seconds for all tests of this module, on whichever workers they are."""
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("memory is read from /proc")

    def run(folder: Path) -> None:
        command = (sys.executable, "-m", "benchmarks.soak", "--quick", "--out", str(folder / "results"))
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SEC, check=False)
        assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, worker_id, "soak", run) / "results"


def test_a_soak_loses_nothing_and_samples_all_the_time(soaked: Path) -> None:
    found = json.loads((soaked / "soak.json").read_text(encoding="utf-8"))
    assert set(found["ledger"].values()) == {0}
    assert found["received"] > found["jobs"]
    assert found["edits"] > 5
    samples = [json.loads(line) for line in (soaked / "soak.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(samples) >= 5
    for sample in samples:
        assert 10 < sample["private"] <= sample["resident"] < 1_000
        assert sample["slowest_health_sec"] > 0
    assert (soaked / "soak.png").read_bytes().startswith(PNG)


def test_a_soak_that_was_cut_off_can_be_reported(soaked: Path, tmp_path: Path) -> None:
    text = (soaked / "soak.jsonl").read_text(encoding="utf-8")
    (tmp_path / "soak.jsonl").write_text(text[:-20], encoding="utf-8")
    command = (sys.executable, "-m", "benchmarks.soak", "--report-only", "--out", str(tmp_path))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr
    assert "private memory in the last half" in done.stdout
    assert "cut off" in done.stdout


def _sample(minute: float, private: float) -> Sample:
    return Sample(minute * 60, private + 20, private, private, 80, 16, 1, 1, 1, 0.01, int(minute * 60), int(minute))


@pytest.mark.parametrize(
    ("slope", "is_flat"), [pytest.param(0.0, True, id="flat"), pytest.param(6.0, False, id="six MiB an hour")]
)
def test_growth_is_told_from_noise(slope: float, is_flat: bool) -> None:
    noise = (0.0, 1.5, -1.0, 0.5, 12.0, -0.5)
    samples = [_sample(minute, 100 + slope * minute / 60 + noise[minute % 6]) for minute in range(120)]
    found = soak_report(samples, 300, None, {})
    assert found["growth_mib_per_hour"] == pytest.approx(slope, abs=1)
    assert found["is_flat"] == is_flat


def test_pages_of_a_history_are_measured_with_each_filter() -> None:
    command = (sys.executable, "-m", "benchmarks.history", "--jobs", "40", "--rows", "2000", "--pages", "2")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SEC, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("| ")]
    found = {title.strip(): [float(one) for one in numbers] for title, *numbers in lines[1:]}
    assert {"no filter", "status=failed", "kind=manual", "min_lateness_ms=60000"} <= set(found)
    for title, (median, slowest, processor, rows) in found.items():
        assert 0 < median <= slowest, title
        assert processor >= 0
        assert rows <= 1_000
        assert "(none)" not in title or rows == 0


def test_pages_of_jobs_are_measured() -> None:
    command = (sys.executable, "-m", "benchmarks.job_pages", "--jobs", "20", "--rows", "100", "--rounds", "1")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SEC, check=False)
    assert done.returncode == 0, done.stderr
    names = {line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("| ")}
    assert names >= {"all jobs", "all jobs, unchanged (304)", "failing", "every page of 500"}


def test_pages_of_every_list_are_measured() -> None:
    few = ("--jobs", "20", "--rows", "100", "--files", "2", "--rounds", "1")
    command = (sys.executable, "-m", "benchmarks.lists", *few)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SEC, check=False)
    assert done.returncode == 0, done.stderr
    names = {line.split("|")[1].strip() for line in done.stdout.splitlines() if line.startswith("| ")}
    assert names >= {"jobs: paused, by -last_run", "jobs: page 500 of 20 by id", "tokens", "specs: all jobs"}


def test_authentication_is_compared_with_an_open_service() -> None:
    command = (sys.executable, "-m", "benchmarks.access", "--rounds", "1", "--creates", "8", "--lists", "1")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SEC, check=False)
    assert done.returncode == 0, done.stderr
    found = [line.split("|")[1:3] for line in done.stdout.splitlines() if line.startswith("| `")]
    assert [" ".join(one).split() for one in found[:3]] == [
        ["`POST", "/jobs`", "none:", "open"],
        ["`POST", "/jobs`", "static", "token"],
        ["`POST", "/jobs`", "token", "of", "the", "database"],
    ]


def test_chains_are_compared_with_jobs_that_have_a_schedule() -> None:
    command = (sys.executable, "-m", "benchmarks.chains", "--calls", "20", "--rounds", "1", "--seconds", "3")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SEC, check=False)
    assert done.returncode == 0, done.stderr
    plain, chains = done.stderr.splitlines()
    assert plain.startswith("plain jobs: ")
    assert plain.endswith(" 100% roots")
    assert chains.startswith("chains: ")
    assert 30 < int(chains.split()[-2].removesuffix("%")) < 70


def test_an_overload_is_compared_with_the_plateau() -> None:
    tiny = ("--plateau", "10", "--rounds", "1", "--seconds", "3", "--created", "20")
    command = (sys.executable, "-m", "benchmarks.overload", *tiny)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SEC, check=False)
    assert done.returncode == 0, done.stderr
    assert [int(line.split()[0]) for line in done.stderr.splitlines()] == [10, 25]
    compared, created = done.stdout.splitlines()[:2]
    assert 200 < int(compared.split()[-3].removesuffix("%")) < 300  # as far as ten jobs are from the most possible
    assert created.startswith("20 one-second jobs created in ")


@pytest.mark.slow
@pytest.mark.skipif(missing() is not None, reason=missing() or "")
def test_the_dashboard_is_measured_in_chromium() -> None:
    command = (sys.executable, "-m", "benchmarks.dashboard", "--quick", "--format", "json")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SEC, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    rows = {(row["figure"], row["name"]): row for row in found["numbers"]}
    pages = {figure for figure, name in rows if name == "paint"}
    assert pages == {
        "Now", "Jobs", "Job, longest history", "Job that runs", "Executions", "Execution", "Source", "Forecast", "Plan",
        "Audit",
    }  # fmt: skip
    for page in pages:
        assert 0 < rows[page, "paint"]["measured"] <= rows[page, "paint-worst"]["measured"]
        assert 50 < rows[page, "nodes"]["measured"] < 2_000
        assert 50 < rows[page, "bytes-English"]["measured"] < rows[page, "bytes-Japanese"]["measured"] < 156
    jobs = {name: row["measured"] for (figure, name), row in rows.items() if figure == "Jobs"}
    assert 0 < jobs["rows"] < jobs["usable"]
    assert 0 < jobs["key"] <= jobs["key-p95"] <= jobs["key-worst"]
    assert 0 < jobs["frame"] <= jobs["frame-p95"] <= jobs["frame-worst"]
    assert rows["Jobs", "key"]["target"] == 0.05
    requests = found["facts"]["requests of ten pages in a minute"]["service"]
    assert requests["/api/v1/changes"] >= 10 * 30 * 0.7


def test_the_dashboard_is_not_measured_without_chromium(tmp_path: Path) -> None:
    command = (sys.executable, "-m", "benchmarks.dashboard")
    environment = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
    assert "apt-get install chromium" in done.stderr
