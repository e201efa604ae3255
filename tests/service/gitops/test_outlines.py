"""What a pass and a start need not parse, because the bytes are those of before."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.store.rows import outlines as source_rows
from myscheduler.core.gitops.sync_state import SyncCondition, SyncReason
from myscheduler.core.manifest.declared import ParsedFile
from myscheduler.core.manifest.parsing import parse_file
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.errors import StoreUnavailableError
from myscheduler.service.gitops import reconciler
from tests.support.parts import Parts, manifest, opened, spec

pytestmark = pytest.mark.anyio


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the files that were parsed, in order."""
    paths = []

    def spy(file: SourceFile, **terms: Any) -> ParsedFile:
        paths.append(file.path)
        return parse_file(file, **terms)

    monkeypatch.setattr(reconciler, "parse_file", spy)
    return paths


async def outlined(parts: Parts) -> set[str]:
    outlines = await parts.store.read(partial(source_rows.load, reader=parts.reconciler._reader))
    return {path for path, _ in outlines}


async def test_a_start_parses_only_what_changed(tmp_path: Path, parsed: list[str]) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("a.yaml", manifest("a") + "---\n" + manifest("日次"))
        parts.manifest("b.yaml", manifest("b"))
        await parts.sync()
        before = await parts.jobs()
    parsed.clear()
    async with opened(tmp_path) as parts:
        parts.manifest("b.yaml", manifest("b", "timeout_sec: 5\n"))
        state = await parts.sync()
        assert (state.updated, state.unchanged, state.deleted) == (("b",), 2, ())
        after = await parts.jobs()
    assert parsed == ["b.yaml"]
    assert after["b"].spec.timeout_sec == 5
    assert {name: after[name] for name in ("a", "日次")} == {name: before[name] for name in ("a", "日次")}


async def test_a_file_that_moved_or_went_leaves_no_outline(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        for name in ("a", "b", "c"):
            parts.manifest(f"{name}.yaml", manifest(name))
        await parts.sync()
        assert await outlined(parts) == {"a.yaml", "b.yaml", "c.yaml"}
        (parts.jobs_dir / "a.yaml").unlink()
        (parts.jobs_dir / "b.yaml").rename(parts.jobs_dir / "d.yaml")
        state = await parts.sync()
        assert state.deleted == ("a",)
        assert await outlined(parts) == {"c.yaml", "d.yaml"}
        place = (await parts.jobs())["b"].source
        assert place is not None
        assert place.path == "d.yaml"


async def test_a_file_with_a_problem_is_looked_at_again_at_the_next_start(tmp_path: Path, parsed: list[str]) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("a.yaml", manifest("a", "colour: red\n"))
        assert (await parts.sync()).condition is SyncCondition.STALLED
        assert await outlined(parts) == set()
    parsed.clear()
    async with opened(tmp_path) as parts:
        state = await parts.sync()
        assert [problem.rule for problem in state.problems] == ["unknown-key"]
    assert parsed == ["a.yaml"]


async def test_what_was_in_conflict_is_parsed_when_its_id_becomes_free(tmp_path: Path, parsed: list[str]) -> None:
    async with opened(tmp_path) as parts:
        await parts.catalog.create(spec("a"), replace_existing=False)
        parts.manifest("a.yaml", manifest("a"))
        parts.manifest("b.yaml", manifest("b"))
        await parts.sync()
        parsed.clear()
        await parts.catalog.delete("a")
        assert (await parts.sync()).created == ("a",)
        assert parsed == ["a.yaml"]
        assert (await parts.jobs())["a"].spec.target_url == "https://example.com/a"


async def test_another_zone_reads_for_itself(tmp_path: Path, parsed: list[str]) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("a.yaml", manifest("a"))
        await parts.sync()
    parsed.clear()
    async with opened(tmp_path, zone="Europe/Berlin") as parts:
        assert (await parts.sync()).unchanged == 1
    assert parsed == ["a.yaml"]


async def test_digests_are_at_hand_of_files_with_and_without_an_outline(tmp_path: Path) -> None:
    """Else the event loop would compute them."""
    async with opened(tmp_path) as parts:
        parts.manifest("a.yaml", manifest("a"))
        parts.manifest("b.yaml", manifest("b", "---\njob_id: c\nx: 1\n"))
        await parts.sync()
        jobs = [job for file in parts.reconciler._parsed.values() for job in file.jobs]
        known = {job.job_id: (job.spec is None, len(job.known_digest)) for job in jobs}
    assert known == {"a": (True, 16), "b": (False, 16)}


async def test_an_unchanged_pass_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("a.yaml", manifest("a"))
        await parts.sync()

        async def refuse(*_: object) -> None:
            raise AssertionError("a write")

        monkeypatch.setattr(parts.store, "write", refuse)
        assert (await parts.sync()).condition is SyncCondition.READY


async def test_other_calendars_mean_that_every_file_is_parsed_anew(tmp_path: Path, parsed: list[str]) -> None:
    office = "calendar: {name: office, only: business_days}\n"
    async with opened(tmp_path) as parts:
        parts.manifest("calendars.yaml", "office: {country: JP}\n")
        parts.manifest("a.yaml", manifest("a") + office)
        parts.manifest("b.yaml", manifest("b"))
        assert (await parts.sync()).created == ("a", "b")
        parsed.clear()
        await parts.sync()
        assert parsed == []
        parts.manifest("calendars.yaml", "office: {country: JP, closed: [12-31]}\n")
        state = await parts.sync()
        assert (parsed, state.updated, state.unchanged) == (["a.yaml", "b.yaml"], ("a",), 1)
    parsed.clear()
    async with opened(tmp_path) as parts:
        assert (await parts.sync()).unchanged == 2
        assert parsed == []
        parts.manifest("calendars.yaml", "office: {country: [\n")
        state = await parts.sync()
        assert (sorted(state.held), [one.path for one in state.problems]) == (["a"], ["a.yaml", "calendars.yaml"])
        (parts.jobs_dir / "calendars.yaml").unlink()
        state = await parts.sync()
        assert (sorted(state.held), [one.rule for one in state.problems]) == (["a"], ["unknown-calendar"])
        calendar = (await parts.jobs())["a"].spec.limits.calendar
        assert calendar is not None
        assert calendar.calendar.closed == ("12-31",)


async def test_other_rules_are_not_forgotten_where_the_database_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("a.yaml", manifest("a", "max_retries: 2\n"))
        await parts.sync()
        parts.manifest("policy.yaml", "max_retries: 1\n")

        async def fail(*_: object) -> None:
            raise StoreUnavailableError("locked")

        with monkeypatch.context() as patched:
            patched.setattr(parts.store, "read", fail)
            assert (await parts.sync()).reason is SyncReason.STORE_UNAVAILABLE
        assert (await parts.sync()).held == frozenset("a")
