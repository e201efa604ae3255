"""`notifications.yaml` over real files: whom it tells, what a broken file changes (nothing), and what jobs may name."""

import pytest

from myscheduler.core.gitops.sync_state import SyncCondition, SyncState
from myscheduler.core.notifications.notifications_file import Notifications
from myscheduler.service.gitops.files_in_force import notifications_in_force
from tests.support.parts import Parts, manifest

pytestmark = pytest.mark.anyio


def declared(*names: str) -> str:
    channels = [f"  {name}: {{kind: slack, url: '${{secret:{name}}}'}}" for name in names]
    return "\n".join(["channels:", *channels, f"default: {{channels: [{names[0]}]}}", ""])


def rules(state: SyncState) -> list[tuple[str, str]]:
    return [(problem.path, problem.rule) for problem in state.problems]


def known(parts: Parts) -> list[str]:
    return sorted(parts.reconciler.notifications.rules.channels)


async def job_channels(parts: Parts, job_id: str) -> tuple[str, ...] | None:
    return (await parts.jobs())[job_id].spec.notify.channels


async def test_it_follows_the_file(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    await parts.sync()
    assert known(parts) == []
    parts.manifest("notifications.yaml", declared("ops", "mail"))
    state = await parts.sync()
    assert (state.condition, rules(state), known(parts)) == (SyncCondition.READY, [], ["mail", "ops"])


@pytest.mark.parametrize("text", ["channels: [", "", declared("ops").replace("slack", "slak"), "default: {}"])
async def test_a_broken_file_changes_nothing(parts: Parts, text: str) -> None:
    parts.manifest("a.yaml", manifest("a") + "notify: {channels: [mail]}\n")
    parts.manifest("notifications.yaml", declared("ops", "mail"))
    await parts.sync()
    parts.manifest("notifications.yaml", text)
    state = await parts.sync()
    assert ("notifications.yaml", "notifications-kept") in rules(state)
    assert (known(parts), state.held) == (["mail", "ops"], frozenset())
    later = notifications_in_force(parts.store)
    await later.recall()
    assert sorted(later.rules.channels) == ["mail", "ops"]


async def test_without_a_valid_file_nobody_is_told_and_jobs_are_applied(parts: Parts) -> None:
    """Which names exist is not known, so that no name can be said to be wrong."""
    parts.manifest("a.yaml", manifest("a") + "notify: {channels: [mail]}\n")
    parts.manifest("notifications.yaml", "channels: [")
    state = await parts.sync()
    assert ("notifications.yaml", "notifications-unknown") in rules(state)
    assert parts.reconciler.notifications.rules.channels == {}
    assert await job_channels(parts, "a") == ("mail",)


async def test_a_job_that_names_an_unknown_channel_is_held(parts: Parts) -> None:
    parts.manifest("notifications.yaml", declared("ops", "mail"))
    parts.manifest("a.yaml", manifest("a") + "notify: {channels: [mail]}\n")
    parts.manifest("b.yaml", manifest("b"))
    await parts.sync()
    parts.manifest("notifications.yaml", declared("ops"))
    state = await parts.sync()
    assert (rules(state), state.held) == ([("a.yaml", "unknown-channel")], frozenset({"a"}))
    assert await job_channels(parts, "a") == ("mail",)
    parts.manifest("notifications.yaml", declared("ops", "mail"))
    state = await parts.sync()
    assert (state.condition, state.held) == (SyncCondition.READY, frozenset())


async def test_a_changed_channel_with_the_same_name_leaves_the_jobs_alone(parts: Parts) -> None:
    parts.manifest("notifications.yaml", declared("ops"))
    parts.manifest("a.yaml", manifest("a") + "notify: {channels: [ops]}\n")
    await parts.sync()
    parts.manifest("notifications.yaml", declared("ops").replace("slack", "teams"))
    state = await parts.sync()
    assert (state.updated, state.unchanged) == ((), 1)
    assert type(parts.reconciler.notifications.rules.channels["ops"].service).__name__ == "Teams"


async def test_an_empty_source_keeps_the_channels(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    path = parts.manifest("notifications.yaml", declared("ops"))
    await parts.sync()
    path.unlink()
    (path.parent / "a.yaml").unlink()
    state = await parts.sync()
    assert (("notifications.yaml", "notifications-kept") in rules(state), known(parts)) == (True, ["ops"])


async def test_a_removed_file_tells_nobody(parts: Parts) -> None:
    parts.manifest("a.yaml", manifest("a"))
    path = parts.manifest("notifications.yaml", declared("ops"))
    await parts.sync()
    path.unlink()
    await parts.sync()
    assert parts.reconciler.notifications.rules == Notifications()
