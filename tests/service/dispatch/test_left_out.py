"""What the service and the commands make of files that are left out, and of those that are no manifests."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from myscheduler.cli import main
from myscheduler.core.gitops.sync_state import SyncCondition, SyncReason
from myscheduler.core.job.job import Job
from myscheduler.core.source.snapshot import IGNORE
from tests.support.files import write
from tests.support.parts import Parts, manifest, opened

COMPOSE = "services: {web: {image: nginx}}\n"


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with opened(tmp_path) as running:
        yield running


class TestInTheService:
    pytestmark = pytest.mark.anyio

    async def test_what_is_left_out_goes(self, parts: Parts) -> None:
        parts.manifest("a.yaml", manifest("a"))
        parts.manifest("drafts/b.yaml", manifest("b"))
        assert (await parts.sync()).created == ("a", "b")
        parts.manifest(IGNORE, "drafts/\n")
        state = await parts.sync()
        assert (state.condition, state.deleted) == (SyncCondition.READY, ("b",))
        (parts.jobs_dir / IGNORE).unlink()
        assert (await parts.sync()).created == ("b",)

    @pytest.mark.parametrize(
        ("pattern", "more", "reason"),
        [
            pytest.param("*", "", "reads as empty", id="everything"),
            pytest.param("team/", "", "more than the budget", id="over the budget"),
            pytest.param("team/0.yaml", "protect: true\n", "says protect: true", id="a protected one"),
        ],
    )
    async def test_the_guards_of_deletions_hold(self, parts: Parts, pattern: str, more: str, reason: str) -> None:
        parts.manifest("a.yaml", manifest("a"))
        for number in range(8):
            parts.manifest(f"team/{number}.yaml", manifest(f"t{number}", more))
        await parts.sync()
        parts.manifest(IGNORE, pattern)
        state = await parts.sync()
        assert (state.condition, state.reason) == (SyncCondition.STALLED, SyncReason.DELETION_BLOCKED)
        assert reason in state.message
        assert len(await parts.jobs()) == 9

    @pytest.mark.parametrize("text", ["\0", "a\n" * 2_000, "#" * 100_000])
    async def test_an_ignore_file_that_is_none_changes_nothing(self, tmp_path: Path, text: str) -> None:
        async with opened(tmp_path) as parts:
            parts.manifest("a.yaml", manifest("a"))
            parts.manifest("draft.yaml", manifest("draft"))
            parts.manifest(IGNORE, "draft.yaml")
            await parts.sync()
            before = await parts.jobs()
            parts.manifest(IGNORE, text)
            await self.assert_nothing_changes(parts, before)
        async with opened(tmp_path) as again:
            await self.assert_nothing_changes(again, before)

    async def assert_nothing_changes(self, parts: Parts, before: dict[str, Job]) -> None:
        state = await parts.sync()
        assert (state.condition, state.reason) == (SyncCondition.STALLED, SyncReason.SOURCE_UNAVAILABLE)
        assert IGNORE in state.message
        assert await parts.jobs() == before

    async def test_what_is_no_manifest_stalls_nothing(self, parts: Parts) -> None:
        parts.manifest("a.yaml", manifest("a"))
        parts.manifest("b.yaml", manifest("b"))
        parts.manifest("docker-compose.yml", COMPOSE)
        parts.manifest("Report.YAML", manifest("report"))
        state = await parts.sync()
        assert (state.condition, state.created) == (SyncCondition.READY, ("a", "b"))
        assert [problem.rule for problem in state.problems] == ["not-read", "not-a-manifest"]
        (parts.jobs_dir / "b.yaml").unlink()
        assert (await parts.sync()).deleted == ("b",)

    @pytest.mark.parametrize("text", ["", COMPOSE, "{}", "{{ broken"])
    async def test_a_manifest_that_is_none_any_more_holds_its_job(self, tmp_path: Path, text: str) -> None:
        async with opened(tmp_path) as parts:
            parts.manifest("a.yaml", manifest("a"))
            parts.manifest("b.yaml", manifest("b"))
            await parts.sync()
            before = await parts.jobs()
            parts.manifest("b.yaml", text)
            await self.assert_held(parts, before)
            await self.assert_held(parts, before)
        async with opened(tmp_path) as again:
            await self.assert_held(again, before)
            again.manifest("b.yaml", "# the job was retired\n")
            assert (await again.sync()).deleted == ("b",)

    async def assert_held(self, parts: Parts, before: dict[str, Job]) -> None:
        state = await parts.sync()
        assert (state.condition, state.reason, state.held) == (
            SyncCondition.STALLED,
            SyncReason.PROBLEMS,
            frozenset("b"),
        )
        assert [(problem.path, problem.severity) for problem in state.problems] == [("b.yaml", "error")]
        assert {file.path: file.condition for file in state.files} == {"a.yaml": "applied", "b.yaml": "held"}
        assert await parts.jobs() == before


# --- commands ---


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, prog_name="myscheduler", env={"MYSCHEDULER_BASE_URL": "http://x"})


@pytest.fixture
def jobs_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write("jobs.d/a.yaml", manifest("a"))
    write("jobs.d/drafts/b.yaml", manifest("b"))
    write("jobs.d/team/c.yaml", manifest("c"))
    write("jobs.d/team/broken.draft.yaml", "job_id: [")
    write(f"jobs.d/{IGNORE}", "drafts/\n/team/*.draft.yaml\n")
    return Path("jobs.d")


NOW = ("--now", "2026-06-01T00:00:00Z")
COMMANDS: dict[str, tuple[tuple[str, ...], Callable[[Result], object]]] = {
    "validate": ((), lambda result: result.stdout == "2 jobs, no problems\n"),
    "preview": (
        ("--count", "1", "--format", "json"),
        lambda result: [job["job_id"] for job in json.loads(result.stdout)["jobs"]] == ["a", "c"],
    ),
    "forecast": ((), lambda result: "2 jobs" in result.stdout),
    "simulate": (
        ("--from", "2026-06-01T00:00:00Z", "--to", "2026-06-01T01:00:00Z"),
        lambda result: "a" in result.stdout,
    ),
}


@pytest.mark.usefixtures("jobs_dir")
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_bound(command: str) -> None:
    options, is_right = COMMANDS[command]
    result = run(command, *options, "jobs.d")
    assert (result.exit_code, result.stderr) == (0, "")
    assert is_right(result), result.stdout


@pytest.mark.usefixtures("jobs_dir")
@pytest.mark.parametrize(
    ("path", "jobs", "code"),
    [
        pytest.param("jobs.d/team", "1 job, no problems", 0, id="a folder of the source"),
        pytest.param("jobs.d/drafts", "1 job, no problems", 0, id="a folder that is left out, by its name"),
        pytest.param("jobs.d/drafts/b.yaml", "1 job, no problems", 0, id="a file that is left out, by its name"),
        pytest.param("jobs.d/team/broken.draft.yaml", "0 jobs, 1 error", 1, id="a broken one by its name"),
        pytest.param(f"jobs.d/{IGNORE}", "0 jobs, no problems", 0, id="the ignore file itself"),
    ],
)
def test_what_is_named_itself_is_read(path: str, jobs: str, code: int) -> None:
    result = run("validate", path)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (code, jobs)


def test_nothing_outside_of_the_repository_is_asked(jobs_dir: Path) -> None:
    (jobs_dir / "team" / ".git").mkdir()
    write("jobs.d/team/sub/x.draft.yaml", "job_id: [")
    (jobs_dir / IGNORE).write_text("*.draft.yaml\n")
    assert run("validate", "jobs.d/team/sub").exit_code == 1
    assert run("validate", "jobs.d").exit_code == 0


def test_an_ignore_file_that_can_not_be_read(jobs_dir: Path) -> None:
    (jobs_dir / IGNORE).write_bytes(b"\0")
    for path in ("jobs.d", "jobs.d/team"):
        result = run("validate", path)
        assert (result.exit_code, result.stdout) == (1, "")
        assert "jobs.d/.myschedulerignore: is not UTF-8 text" in result.stderr


@pytest.mark.usefixtures("jobs_dir")
def test_what_is_told() -> None:
    write(f"jobs.d/{IGNORE}", "drafts/\n*.draft.yaml\n[x\n")
    write("jobs.d/docker-compose.yml", COMPOSE)
    write("jobs.d/team/job.json", "{}")
    write("jobs.d/drafts/job.json", "{}")
    result = run("validate", "jobs.d")
    assert result.exit_code == 0
    assert result.stdout == (
        "jobs.d/.myschedulerignore:3:1: warning: matches nothing, as in a .gitignore: close the bracket, or add a "
        "character after the last backslash [invalid-pattern]\n"
        "jobs.d/docker-compose.yml:1:1: warning: is not a manifest: it has no job_id and no schedule. Name it in "
        ".myschedulerignore at the root of the source, or keep it elsewhere [not-a-manifest]\n"
        "jobs.d/team/job.json:1:1: warning: is not read, since names of manifests end in .yaml or .yml: JSON is valid "
        "YAML, so rename it if it is a manifest, else name it in .myschedulerignore [not-read]\n"
        "2 jobs, 3 warnings\n"
    )
    assert run("validate", "--strict", "jobs.d").exit_code == 1
    assert run("validate", "--exclude", "*.json", "jobs.d").stdout.endswith("2 jobs, 2 warnings\n")
    assert run("validate", "jobs.d/team").stdout.splitlines()[-1] == "1 job, 2 warnings"


@pytest.mark.anyio
@pytest.mark.usefixtures("jobs_dir")
async def test_plan_holds_what_was_declared_in_a_file_that_is_no_manifest_any_more(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("d.yaml", manifest("d"))
        await parts.sync()
    write("jobs.d/d.yaml", COMPOSE)
    write("jobs.d/drafts/later.yaml", manifest("later"))
    result = run("plan", "--database-url", f"sqlite:///{tmp_path / 'jobs.db'}", *NOW, "jobs.d")
    assert result.exit_code == 1
    assert "jobs.d/d.yaml:1:1: error: is no longer a manifest" in result.stderr
    assert "! held d" in result.stdout
    assert "later" not in result.stdout
