"""Pass by pass over a real folder: what each edit of the source does to the stored jobs."""

import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from myscheduler.adapters.store.rows import jobs as job_rows
from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.gitops.plan import make_plan
from myscheduler.core.gitops.sync_state import SyncCondition, SyncReason
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.manifest.combining import combine
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.source.snapshot import Snapshot, SourceFile
from myscheduler.messages.message import coded
from myscheduler.service.catalog.applying import StalePlanError
from tests.support.parts import ZONE, Parts, manifest, opened, spec

pytestmark = pytest.mark.anyio


def url(job: Job) -> str:
    return job.spec.target_url


async def test_a_new_file_is_a_new_job(parts: Parts) -> None:
    parts.manifest("team/a.yaml", manifest("a"))
    state = await parts.sync()
    assert (state.condition, state.reason, state.created) == (SyncCondition.READY, SyncReason.APPLIED, ("a",))
    job = (await parts.jobs())["a"]
    assert (job.owner, url(job)) == (Owner.MANIFEST, "https://example.com/a")
    assert job.source is not None
    assert (job.source.path, job.source.line, job.source.revision) == ("team/a.yaml", 1, state.applied_revision)


async def test_unchanged_is_untouched(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    await parts.catalog.pause("a", by="Ada")
    before = await parts.jobs()
    parts.manifest("a.yaml", manifest("a", "# a comment\n"))
    parts.manifest("b.yaml", manifest("b"))
    state = await parts.sync()
    assert (state.created, state.updated, state.unchanged) == (("b",), (), 1)
    after = (await parts.jobs())["a"]
    assert (after.cursor, after.next_slot, after.pause) == (
        before["a"].cursor,
        before["a"].next_slot,
        before["a"].pause,
    )
    again = await parts.jobs()
    state = await parts.sync()
    assert (state.created, state.updated, state.deleted, state.unchanged) == ((), (), (), 2)
    assert await parts.jobs() == again


async def test_another_spelling_of_the_same_job_changes_nothing(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    before = await parts.jobs()
    parts.manifest(
        "a.yaml", 'interval:\n  minutes: 10\n"target_url": "https://example.com/a"\nmethod: get\njob_id: "a"\n'
    )
    state = await parts.sync()
    assert (state.updated, state.unchanged) == ((), 1)
    assert await parts.jobs() == before


async def test_an_edit_keeps_phase_pause_and_history(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    await parts.catalog.pause("a", by="Ada")
    before = (await parts.jobs())["a"]
    parts.manifest("a.yaml", manifest("a", "method: POST\n"))
    state = await parts.sync()
    after = (await parts.jobs())["a"]
    assert state.updated == ("a",)
    assert (after.spec.method, after.pause, after.created_at) == ("POST", before.pause, before.created_at)
    assert (after.cursor, after.next_slot) == (before.cursor, before.next_slot)
    assert after.version > before.version


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(manifest("a", "methd: POST\n"), id="unknown key"),
        pytest.param("job_id: a\ntarget_url: [\n", id="not yaml"),
        pytest.param("- a\n- b\n", id="a list"),
        pytest.param("job_id: a\n", id="fields missing"),
        pytest.param("target_url: https://example.com/a\ninterval: {minutes: 10}\n", id="id missing"),
    ],
)
async def test_a_broken_file_holds_its_job_until_it_is_mended(parts: Parts, broken: str) -> None:
    parts.manifest("a.yaml", manifest("a"))
    parts.manifest("b.yaml", manifest("b"))
    await parts.sync()
    before = (await parts.jobs())["a"]
    parts.manifest("a.yaml", broken)
    parts.manifest("b.yaml", manifest("b", "method: POST\n"))
    state = await parts.sync()
    assert (state.condition, state.reason) == (SyncCondition.STALLED, SyncReason.PROBLEMS)
    assert (state.held, state.updated, state.deleted) == (frozenset(["a"]), ("b",), ())
    assert {problem.path for problem in state.problems} == {"a.yaml"}
    assert (await parts.jobs())["a"] == before
    parts.manifest("a.yaml", manifest("a"))
    state = await parts.sync()
    assert (state.condition, state.held, state.problems) == (SyncCondition.READY, frozenset(), ())
    assert (await parts.jobs())["a"] == before


async def test_a_job_that_moves_stays_the_same_job(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    before = (await parts.jobs())["a"]
    (parts.jobs_dir / "a.yaml").unlink()
    parts.manifest("team/other.yaml", manifest("b") + "---\n" + manifest("a"))
    state = await parts.sync()
    assert (state.created, state.updated, state.deleted) == (("b",), (), ())
    after = (await parts.jobs())["a"]
    assert after.source is not None
    assert before.source is not None
    assert (after.source.path, after.source.line) == ("team/other.yaml", 5)
    assert after.source.revision == before.source.revision
    assert (after.cursor, after.next_slot, after.created_at) == (before.cursor, before.next_slot, before.created_at)


async def test_of_two_files_with_one_id_neither_wins(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    before = await parts.jobs()
    parts.manifest("copy.yaml", manifest("a", "method: POST\n"))
    state = await parts.sync()
    assert {(problem.path, problem.rule) for problem in state.problems} == {
        ("a.yaml", "duplicate-id"),
        ("copy.yaml", "duplicate-id"),
    }
    assert await parts.jobs() == before
    (parts.jobs_dir / "copy.yaml").unlink()
    assert (await parts.sync()).condition is SyncCondition.READY
    assert await parts.jobs() == before


async def test_two_new_files_with_one_id_make_no_job(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    parts.manifest("copy.yaml", manifest("a"))
    parts.manifest("b.yaml", manifest("b"))
    state = await parts.sync()
    assert (state.created, set(await parts.jobs())) == (("b",), {"b"})


async def test_a_removed_file_removes_its_job(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    parts.manifest("b.yaml", manifest("b"))
    await parts.sync()
    (parts.jobs_dir / "a.yaml").unlink()
    state = await parts.sync()
    assert (state.condition, state.deleted) == (SyncCondition.READY, ("a",))
    assert set(await parts.jobs()) == {"b"}


async def test_an_empty_source_deletes_nothing_until_it_is_approved(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    before = await parts.jobs()
    (parts.jobs_dir / "a.yaml").unlink()
    state = await parts.sync()
    assert (state.condition, state.reason) == (SyncCondition.STALLED, SyncReason.DELETION_BLOCKED)
    assert state.blocked is not None
    assert state.blocked.job_ids == ("a",)
    assert state.blocked.digest in state.message
    assert (await parts.sync(approved="0" * 16)).blocked == state.blocked
    assert await parts.jobs() == before
    done = await parts.sync(approved=state.blocked.digest)
    assert (done.condition, done.deleted, done.blocked) == (SyncCondition.READY, ("a",), None)
    assert await parts.jobs() == {}


async def test_an_approval_fits_only_the_deletion_that_was_looked_at(parts: Parts) -> None:
    for number in range(10):
        parts.manifest(f"{number}.yaml", manifest(f"job-{number}"))
    await parts.sync()
    for number in range(6):
        (parts.jobs_dir / f"{number}.yaml").unlink()
    first = (await parts.sync()).blocked
    assert first is not None
    (parts.jobs_dir / "6.yaml").unlink()
    state = await parts.sync(approved=first.digest)
    assert state.blocked is not None
    assert state.blocked.digest != first.digest
    assert len(await parts.jobs()) == 10


async def test_a_blocked_deletion_does_not_hinder_other_changes(parts: Parts) -> None:
    for number in range(8):
        parts.manifest(f"{number}.yaml", manifest(f"job-{number}"))
    await parts.sync()
    for number in range(6):
        (parts.jobs_dir / f"{number}.yaml").unlink()
    parts.manifest("new.yaml", manifest("new"))
    state = await parts.sync()
    assert (state.created, state.deleted) == (("new",), ())
    assert len(await parts.jobs()) == 9


async def test_a_missing_folder_changes_nothing(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    applied = await parts.sync()
    before = await parts.jobs()
    shutil.move(parts.jobs_dir, parts.folder / "away")
    state = await parts.sync()
    assert (state.condition, state.reason) == (SyncCondition.STALLED, SyncReason.SOURCE_UNAVAILABLE)
    assert str(parts.jobs_dir) in state.message
    assert coded(state.message)["params"]["why"]["code"] == "source-missing"
    assert state.applied_revision == applied.applied_revision
    assert await parts.jobs() == before
    shutil.move(parts.folder / "away", parts.jobs_dir)
    assert (await parts.sync()).condition is SyncCondition.READY
    assert await parts.jobs() == before


async def test_an_id_of_an_api_job_is_a_conflict_and_leaves_it_alone(parts: Parts) -> None:
    await parts.create("a", target_url="https://example.com/mine")
    before = await parts.jobs()
    parts.manifest("a.yaml", manifest("a"))
    parts.manifest("b.yaml", manifest("b"))
    state = await parts.sync()
    assert [(problem.path, problem.rule) for problem in state.problems] == [("a.yaml", "owned-by-api")]
    assert state.created == ("b",)
    assert (await parts.jobs())["a"] == before["a"]
    await parts.catalog.delete("a")
    assert (await parts.sync()).created == ("a",)


async def test_api_jobs_are_never_pruned(parts: Parts) -> None:
    await parts.create("mine")
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    parts.manifest("a.yaml", manifest("b"))
    assert (await parts.sync()).deleted == ("a",)
    assert set(await parts.jobs()) == {"b", "mine"}


async def test_a_one_off_of_the_past_is_expired_and_does_not_run(parts: Parts) -> None:
    parts.manifest("a.yaml", "job_id: a\ntarget_url: https://example.com\nrun_at: '2020-01-01T00:00:00Z'\n")
    assert (await parts.sync()).created == ("a",)
    assert (await parts.jobs())["a"].next_slot is None
    (row,) = await parts.rows("a")
    assert (row.status, row.reason, row.slot.year) == ("missed", "expired", 2020)


async def test_a_pass_over_what_stands_finds_what_changed_beside_it(parts: Parts) -> None:
    """Nothing is read anew of a source that is as it was, and the jobs are still compared."""
    parts.manifest("a.yaml", manifest("a"))
    parts.manifest("b.yaml", manifest("b"))
    await parts.create("b")
    states = [await parts.sync() for _ in range(3)]
    assert states[1].files is states[2].files
    assert [problem.rule for problem in states[2].problems] == ["owned-by-api"]
    await parts.catalog.delete("b")
    state = await parts.sync()
    assert (state.created, state.problems, state.unchanged) == (("b",), (), 1)
    assert (await parts.sync()).unchanged == 2


async def test_known_jobs_are_those_of_a_first_look(parts: Parts) -> None:
    changes: list[Callable[[], Awaitable[object]]] = [
        lambda: parts.create("a"),
        lambda: parts.create("b"),
        lambda: parts.catalog.pause("a", by="Ada"),
        lambda: parts.catalog.replace(spec("a", method="POST")),
        lambda: parts.catalog.delete("a"),
        lambda: parts.create("a", protect=True),
        parts.sync,
    ]
    known = await parts.store.read(job_rows.known_jobs)
    parts.manifest("c.yaml", manifest("c"))
    for change in changes:
        await change()
        again = await parts.store.read(partial(job_rows.known_jobs, before=known))
        assert again == await parts.store.read(job_rows.known_jobs) != known
        assert await parts.store.read(partial(job_rows.known_jobs, before=again)) is again
        known = again


async def test_a_stale_plan_is_refused_as_a_whole(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    files = [
        SourceFile.of("a.yaml", manifest("a", "method: POST\n").encode()),
        SourceFile.of("b.yaml", manifest("b").encode()),
    ]
    desired = combine([parse_file(file, zone=ZONE) for file in files], Snapshot.of(files, ()))
    plan = make_plan(desired, await parts.store.read(job_rows.known_jobs))
    await parts.catalog.pause("a", by="Ada")
    before = await parts.jobs()
    with pytest.raises(StalePlanError):
        await parts.catalog.apply(plan)
    assert await parts.jobs() == before


async def test_a_full_database_stalls_the_pass_and_the_next_one_heals(parts: Parts) -> None:
    await parts.sync()
    parts.fill()
    for number in range(50):
        parts.manifest(f"{number}.yaml", manifest(f"job-{number}"))
    state = await parts.sync()
    assert (state.condition, state.reason) == (SyncCondition.STALLED, SyncReason.STORE_UNAVAILABLE)
    assert await parts.jobs() == {}
    parts.make_room()
    assert len((await parts.sync()).created) == 50


async def test_a_manifest_that_says_adopt_takes_over_a_job_with_its_history_pause_and_phase(parts: Parts) -> None:
    await parts.create("a", interval={"minutes": 10}, target_url="https://example.com/a")
    parts.dispatcher.start()
    await parts.dispatcher.trigger("a", by="Ada")
    await parts.rows_where("a", lambda rows: all(row.completed_at for row in rows) and bool(rows))
    await parts.catalog.pause("a", by="Ada", reason="保守")
    before = (await parts.jobs())["a"]
    parts.manifest("a.yaml", manifest("a", "method: POST\n"))
    refused = await parts.sync()
    assert [problem.rule for problem in refused.problems] == ["owned-by-api"]
    assert (await parts.jobs())["a"] == before

    parts.manifest("a.yaml", manifest("a", "method: POST\nadopt: true\n"))
    state = await parts.sync()
    assert (state.condition, state.updated) == (SyncCondition.READY, ("a",))
    after = (await parts.jobs())["a"]
    assert (after.owner, after.spec.method) == (Owner.MANIFEST, "POST")
    assert after.source is not None
    assert after.source.path == "a.yaml"
    assert (after.created_at, after.cursor, after.next_slot, after.pause, after.execution_count) == (
        before.created_at, before.cursor, before.next_slot, before.pause, 1,
    )  # fmt: skip
    assert len(await parts.rows("a")) == 1
    parts.manifest("a.yaml", manifest("a", "method: POST\n"))
    assert (await parts.sync()).unchanged == 1, "once it is taken over the line may go"


async def test_adopt_makes_a_job_where_there_is_none(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a", "adopt: true\n"))
    assert (await parts.sync()).created == ("a",)


async def test_a_restart_takes_over_what_it_could_not_before(tmp_path: Path) -> None:
    """The file did not change, so only its outline is at hand, and that knows of adopt."""
    async with opened(tmp_path) as parts:
        parts.manifest("a.yaml", manifest("a", "adopt: true\n"))
        await parts.sync()
        await parts.store.write(lambda connection: job_rows.delete_jobs(connection, ["a"]))
    async with opened(tmp_path) as parts:
        await parts.create("a")
        assert (await parts.sync()).updated == ("a",)


async def test_a_protected_job_holds_up_the_deletion_it_is_part_of_and_nothing_else(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a", "protect: true\n"))
    parts.manifest("b.yaml", manifest("b"))
    parts.manifest("c.yaml", manifest("c"))
    await parts.sync()
    for name in ("a.yaml", "b.yaml"):
        (parts.jobs_dir / name).unlink()
    parts.manifest("c.yaml", manifest("c", "method: POST\n"))
    state = await parts.sync()
    assert state.blocked is not None
    assert (state.reason, state.blocked.job_ids) == (SyncReason.DELETION_BLOCKED, ("a", "b"))
    assert (state.updated, state.deleted) == (("c",), ())
    assert (await parts.sync("0123456789abcdef")).deleted == (), "an approval fits one deletion only"
    approved = await parts.sync(state.blocked.digest)
    assert (approved.condition, approved.deleted) == (SyncCondition.READY, ("a", "b"))


async def test_protection_can_be_lifted_first(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a", "protect: true\n"))
    parts.manifest("b.yaml", manifest("b"))
    await parts.sync()
    parts.manifest("a.yaml", manifest("a"))
    assert (await parts.sync()).updated == ("a",)
    (parts.jobs_dir / "a.yaml").unlink()
    assert (await parts.sync()).deleted == ("a",)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("job_id: 日次\n".encode("cp932"), id="Shift_JIS"),
        pytest.param(b"job-id: a\ntarget_url: http://x\ncron: '0 1 * * *'\n", id="a mistyped key"),
        pytest.param(b"x\n", id="no manifest at all"),
        pytest.param(b"[", id="no YAML"),
    ],
)
async def test_a_file_that_is_renamed_and_broken_at_once_loses_no_job(parts: Parts, content: bytes) -> None:
    parts.manifest("old.yaml", manifest("a"))
    parts.manifest("other.yaml", manifest("b"))
    await parts.sync()
    await parts.catalog.pause("a", by="Ada")
    before = await parts.jobs()
    (parts.jobs_dir / "old.yaml").unlink()
    (parts.jobs_dir / "new.yaml").write_bytes(content)
    state = await parts.sync()
    assert state.blocked is not None
    assert "new.yaml can't be read and may declare any job" in state.blocked.reason
    assert await parts.jobs() == before
    parts.manifest("new.yaml", manifest("a"))
    assert (await parts.sync()).condition is SyncCondition.READY
    assert (await parts.jobs())["a"].pause == before["a"].pause


async def test_the_log_tells_the_first_of_many_problems(parts: Parts, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(MOST_PROBLEMS + 20):
        parts.manifest(f"{number:03}.yaml", "job_id: [\n")
    await parts.sync()
    await parts.sync()
    told = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(told) == MOST_PROBLEMS + 1
    assert told[0].startswith("000.yaml:2:1: error: is not YAML")
    assert told[-1] == "and 20 more problems in the source: see GET /api/v1/sync/files"
