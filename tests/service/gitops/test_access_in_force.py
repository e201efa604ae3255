"""`access.yaml` over real files: who is let in, and what a broken or missing file changes (nothing)."""

from pathlib import Path
from typing import Any

import pytest

from myscheduler.core.access.roles import Role
from myscheduler.core.gitops.sync_state import SyncCondition, SyncReason, SyncState
from myscheduler.service.gitops.files_in_force import access_in_force
from tests.support.parts import Parts, manifest, opened

pytestmark = pytest.mark.anyio

CI, SCREENS = "cicicicicicicici", "screensscreenssc"


def access(**roles: str) -> str:
    ids = {"ci": CI, "screens": SCREENS}
    entries = [f"- {{name: {name}, id: {ids[name]}, hash: {'0f' * 32}, role: {role}}}" for name, role in roles.items()]
    return "\n".join(["tokens:", *entries, ""])


def known(parts: Parts) -> dict[str, Role]:
    """The role of each token in force."""
    return {one.name: one.binding.role for one in parts.reconciler.access.rules.tokens}


def rules(state: SyncState) -> list[tuple[str, str]]:
    return [(problem.path, problem.rule) for problem in state.problems]


async def test_it_follows_the_file(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    assert known(parts) == {}
    parts.manifest("access.yaml", access(ci="operator", screens="viewer"))
    state = await parts.sync()
    assert (state.condition, rules(state), known(parts)) == (
        SyncCondition.READY, [], {"ci": Role.OPERATOR, "screens": Role.VIEWER},
    )  # fmt: skip
    parts.manifest("access.yaml", access(ci="admin"))
    await parts.sync()
    assert known(parts) == {"ci": Role.ADMIN}
    assert parts.reconciler.access.rules.token(SCREENS) is None


def broken(parts: Parts) -> None:
    parts.manifest("access.yaml", access(ci="admin", screens="reader"))


def no_yaml(parts: Parts) -> None:
    parts.manifest("access.yaml", "tokens: [\n")


def empty(parts: Parts) -> None:
    parts.manifest("access.yaml", "")


def a_whole_token(parts: Parts) -> None:
    parts.manifest("access.yaml", f"{access(ci='admin')}# msk_{CI}_{'x' * 43}01234567\n")


def dangling(parts: Parts) -> None:
    (parts.jobs_dir / "access.yaml").unlink(missing_ok=True)
    (parts.jobs_dir / "access.yaml").symlink_to("gone")


def folder(parts: Parts) -> None:
    (parts.jobs_dir / "access.yaml").unlink(missing_ok=True)
    (parts.jobs_dir / "access.yaml").mkdir()


UNUSABLE = [broken, no_yaml, empty, a_whole_token, dangling, folder]


@pytest.mark.parametrize("is_new_process", [False, True])
@pytest.mark.parametrize("spoil", UNUSABLE)
async def test_a_file_that_cannot_be_used_changes_no_rights(tmp_path: Path, spoil: Any, is_new_process: bool) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("access.yaml", access(ci="operator"))
        await parts.sync()
        spoil(parts)
        if not is_new_process:
            await _keeps_the_operator(parts)
    if is_new_process:
        async with opened(tmp_path) as parts:
            await _keeps_the_operator(parts)


async def _keeps_the_operator(parts: Parts) -> None:
    parts.manifest("b.yaml", manifest("b"))
    state = await parts.sync()
    assert (state.condition, state.created) == (SyncCondition.STALLED, ("b",))
    assert ("access.yaml", "access-kept") in rules(state)
    assert known(parts) == {"ci": Role.OPERATOR}
    parts.manifest("c.yaml", manifest("c"))
    again = await parts.sync()
    assert (again.created, again.problems, known(parts)) == (("c",), state.problems, {"ci": Role.OPERATOR})


@pytest.mark.parametrize("spoil", UNUSABLE)
async def test_where_no_file_was_ever_good_it_lets_nobody_in(tmp_path: Path, spoil: Any) -> None:
    for _ in range(2):
        async with opened(tmp_path) as parts:
            spoil(parts)
            state = await parts.sync()
            assert "access-unknown" in [one.rule for one in state.problems]
            assert known(parts) == {}
            if (parts.jobs_dir / "access.yaml").is_dir():
                (parts.jobs_dir / "access.yaml").rmdir()
    async with opened(tmp_path) as parts:
        (parts.jobs_dir / "access.yaml").unlink(missing_ok=True)
        parts.manifest("access.yaml", access(ci="viewer"))
        assert ((await parts.sync()).condition, known(parts)) == (SyncCondition.READY, {"ci": Role.VIEWER})


async def test_the_rights_hold_from_the_start_and_without_the_source(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        for role in ("viewer", "admin", "operator"):
            parts.manifest("access.yaml", access(ci=role))
            await parts.sync()
    async with opened(tmp_path) as parts:
        for path in parts.jobs_dir.iterdir():
            path.unlink()
        parts.jobs_dir.rmdir()
        assert (await parts.sync()).reason is SyncReason.SOURCE_UNAVAILABLE
        assert known(parts) == {"ci": Role.OPERATOR}


async def test_a_source_that_is_empty_takes_no_rights_away(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        file = parts.manifest("access.yaml", access(ci="operator"))
        await parts.sync()
        file.unlink()
        state = await parts.sync()
        assert (rules(state), known(parts)) == ([("access.yaml", "access-kept")], {"ci": Role.OPERATOR})
    async with opened(tmp_path) as parts:
        assert (rules(await parts.sync()), known(parts)) == ([("access.yaml", "access-kept")], {"ci": Role.OPERATOR})
        parts.manifest("access.yaml", "{}\n")
        assert ((await parts.sync()).problems, known(parts)) == ((), {})


async def test_a_file_that_is_removed_takes_its_rights_along(tmp_path: Path) -> None:
    async with opened(tmp_path) as parts:
        parts.manifest("a.yaml", manifest("a"))
        file = parts.manifest("access.yaml", access(ci="operator"))
        await parts.sync()
        file.unlink()
        assert ((await parts.sync()).problems, known(parts)) == ((), {})
    async with opened(tmp_path) as parts:
        await parts.reconciler.access.recall()
        assert known(parts) == {}
        broken(parts)
        state = await parts.sync()
        assert (("access.yaml", "access-kept") in rules(state), known(parts)) == (True, {})


async def test_rights_that_were_taken_away_are_gone_although_the_database_fails(parts: Parts) -> None:
    parts.manifest("access.yaml", access(ci="operator", screens="viewer"))
    await parts.sync()
    parts.manifest("access.yaml", f"{access(screens='viewer')}# {'long' * 100_000}\n")
    parts.fill()
    assert (await parts.sync()).reason is SyncReason.STORE_UNAVAILABLE
    assert known(parts) == {"screens": Role.VIEWER}
    parts.make_room()
    await parts.sync()
    parts.reconciler.access = access_in_force(parts.store)
    await parts.reconciler.access.recall()
    assert known(parts) == {"screens": Role.VIEWER}


async def test_jobs_of_a_manifest_with_that_name_are_kept(parts: Parts) -> None:
    """As in a source from before the name was reserved."""
    old = parts.manifest("old.yaml", manifest("a"))
    parts.manifest("b.yaml", manifest("b"))
    await parts.sync()
    await parts.store.write(
        lambda connection: connection.exec_driver_sql("UPDATE jobs SET source_path = 'access.yaml' WHERE job_id = 'a'")
    )
    old.rename(parts.jobs_dir / "access.yaml")
    state = await parts.sync()
    assert (state.held, state.deleted, sorted(await parts.jobs())) == (frozenset("a"), (), ["a", "b"])
    assert ("access.yaml", "invalid-access") in rules(state)
