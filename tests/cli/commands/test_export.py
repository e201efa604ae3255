"""`myscheduler export`: the manifests of a real service's jobs, and that committing them takes the jobs over."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given

from myscheduler.cli import main
from myscheduler.core.gitops.export import NotExportedError, exported
from myscheduler.core.gitops.inventory import Item, inventory_from_json
from myscheduler.core.job.digest import digest
from myscheduler.core.job.job import Owner, Pause
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.source.snapshot import SourceFile
from tests.support.declared import DECLARED, OFFICE, ZONE
from tests.support.golden import expect
from tests.support.service import Service, manifest

TARGET = "http://127.0.0.1:9/"
REPORT = {
    "job_id": "日次 レポート",
    "name": "日次レポート生成",
    "cron": {"hour": "10", "minute": "30", "day_of_week": "mon-fri", "second": "0"},
    "timezone": "Asia/Tokyo",
    "target_url": TARGET,
    "method": "POST",
    "headers": {"X-Team": "billing"},
    "body": {"report": "no", "text": "eins\nzwei\n", "code": "0123", "at": "1:30"},
    "timeout_sec": 60,
    "labels": {"team": "billing"},
}
EVERY = {"job_id": "every", "interval": {"hours": 6}, "target_url": TARGET, "paused": False}
SECRET = {"job_id": "secret", "run_at": "2099-01-01T09:00", "target_url": TARGET, "headers": {"X-Api-Key": "k-123"}}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("export")
    (folder / "jobs.d").mkdir()
    (folder / "jobs.d" / "own.yaml").write_text(manifest("own", TARGET), encoding="utf-8")
    with Service(folder) as running:
        for job in (REPORT, EVERY, SECRET):
            assert running.post("/api/v1/jobs", json=job).status_code == 200
        assert running.post("/api/v1/jobs/secret/pause", json={"by": "山田"}).status_code == 200
        running.until(lambda: running.get("/api/v1/jobs/own").status_code == 200)
        yield running


def run(service: Service, *arguments: str) -> Result:
    return CliRunner().invoke(
        main, ["export", *arguments], env={"MYSCHEDULER_BASE_URL": service.url}, prog_name="myscheduler"
    )


def test_all_jobs_of_the_api(service: Service) -> None:
    result = run(service)
    assert result.exit_code == 0
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    expect("export.txt", result.stdout.replace(today, "2026-01-01"))
    assert result.stderr == (
        "warning: secret: the header X-Api-Key is written in plain text: put ${secret:NAME} in its "
        "place before you commit it\n"
    )


def test_some_of_them(service: Service) -> None:
    result = run(service, "every")
    assert (result.exit_code, result.stderr) == (0, "")
    assert [line for line in result.stdout.splitlines() if line.startswith("job_id")] == ["job_id: every"]


def test_ids_that_are_none(service: Service) -> None:
    result = run(service, "every", "nobody", "own")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: there is no job 'nobody'; 'own' is declared in own.yaml:1 already\n"


def test_one_file_a_job(service: Service) -> None:
    result = run(service, "--output", "adopted")
    assert result.exit_code == 0
    assert result.stderr.endswith("3 jobs written to adopted\n")
    assert sorted(path.name for path in Path("adopted").iterdir()) == [
        "every.yaml",
        "secret.yaml",
        "日次 レポート.yaml",
    ]
    again = run(service, "--output", "adopted")
    assert (again.exit_code, "and 2 more exist already, so nothing was written" in again.stderr) == (1, True)
    assert CliRunner().invoke(main, ["validate", "adopted"]).exit_code == 0


def test_a_service_that_is_away() -> None:
    result = CliRunner().invoke(main, ["export", "--server", "http://127.0.0.1:9"])
    assert (result.exit_code, "no answer from http://127.0.0.1:9" in result.stderr) == (1, True)


def test_committing_them_takes_the_jobs_over(tmp_path: Path) -> None:
    (tmp_path / "jobs.d").mkdir()
    with Service(tmp_path) as service:
        for job in (REPORT, EVERY, SECRET):
            service.post("/api/v1/jobs", json=job)
        service.post("/api/v1/jobs/secret/pause", json={"by": "ops"})
        before = inventory_from_json(service.get("/api/v1/specs").json()["jobs"])
        times = {job_id: _next_run(service, job_id) for job_id in before}
        assert run(service, "--output", str(tmp_path / "jobs.d")).exit_code == 0
        service.until(lambda: all(_owner(service, job_id) == "manifest" for job_id in before))
        after = inventory_from_json(service.get("/api/v1/specs").json()["jobs"])
        assert {job_id: _next_run(service, job_id) for job_id in before} == times
    for job_id, item in before.items():
        now = after[job_id]
        assert (digest(now.spec), now.created_at, now.pause) == (digest(item.spec), item.created_at, item.pause)
        assert now.source is not None


def _owner(service: Service, job_id: str) -> Any:
    return service.get(f"/api/v1/jobs/{job_id}").json()["owner"]


def _next_run(service: Service, job_id: str) -> Any:
    return service.get(f"/api/v1/jobs/{job_id}").json()["next_run_time"]


CREATED = datetime(2026, 1, 1, tzinfo=UTC)


def _item(spec: JobSpec, pause: Pause | None = None) -> Item:
    return Item(spec.job_id, Owner.API, spec, CREATED, None, pause)


@given(DECLARED)
def test_what_travels_is_the_same_job(declared: tuple[dict[str, Any], JobSpec]) -> None:
    """From the answer of the server to the manifest that is read from a file."""
    _, spec = declared
    item = _item(spec, Pause("who\never", CREATED))
    travelled = inventory_from_json([json.loads(json.dumps(item.as_json()))])[spec.job_id]
    text = exported(travelled, zone=ZONE)
    (job,) = parse_file(SourceFile.of("x.yaml", text.encode()), zone=ZONE, calendars=OFFICE).jobs
    assert (job.job_id, job.digest, job.adopts) == (spec.job_id, digest(spec), True)


def test_a_job_that_no_manifest_can_say() -> None:
    body: list[Any] = []
    for _ in range(150):
        body = [body]
    spec, _ = declare({"job_id": "a", "cron": "@daily", "target_url": "http://x"}, zone=ZONE)
    assert spec is not None
    with pytest.raises(NotExportedError) as refused:
        exported(_item(replace(spec, body=body)), zone=ZONE)  # from a time when there was no bound
    assert "is nested more than 100 levels deep" in str(refused.value)
