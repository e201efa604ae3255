"""What callers may do, with one role in one scope or with several."""

import pytest

from myscheduler.core.access.principal import OPEN, Binding, Origin, Principal
from myscheduler.core.access.roles import Role
from myscheduler.core.access.scope import parse_scope

BILLING = parse_scope({"labels": {"team": "billing"}})
OPS = parse_scope({"ids": ["ops-*"]})


def of(*bindings: Binding, origin: Origin = Origin.TOKEN) -> Principal:
    return Principal("ada", bindings, origin)


MIXED = of(Binding(Role.VIEWER), Binding(Role.OPERATOR, BILLING), Binding(Role.EDITOR, OPS))


@pytest.mark.parametrize(
    ("role", "job_id", "labels", "allowed"),
    [
        pytest.param(Role.VIEWER, "x", {}, True, id="reads all"),
        pytest.param(Role.OPERATOR, "x", {"team": "billing"}, True, id="operates in a scope"),
        pytest.param(Role.OPERATOR, "ops-1", {}, True, id="an editor operates"),
        pytest.param(Role.OPERATOR, "x", {}, False, id="operates in no other"),
        pytest.param(Role.EDITOR, "ops-1", {}, True, id="edits in a scope"),
        pytest.param(Role.EDITOR, "x", {"team": "billing"}, False, id="a role in one scope, not in another"),
        pytest.param(Role.ADMIN, "ops-1", {"team": "billing"}, False, id="roles don't add up"),
    ],
)
def test_acting(role: Role, job_id: str, labels: dict[str, str], allowed: bool) -> None:
    assert MIXED.may_act(role, job_id, labels) is allowed


def test_roles_anywhere_and_everywhere() -> None:
    assert [MIXED.has(role) for role in Role] == [True, True, True, False]
    assert [MIXED.has_everywhere(role) for role in Role] == [True, False, False, False]
    assert [OPEN.has_everywhere(role) for role in Role] == [True] * 4


def test_without_bindings_nothing_is_allowed() -> None:
    assert not any(of().has(role) or of().may_act(role, "a", {}) for role in Role)


def test_a_glob_of_all_ids_is_not_everything() -> None:
    everything = of(Binding(Role.ADMIN, parse_scope({"ids": ["*"]})))
    assert everything.may_act(Role.ADMIN, "a", {})
    assert not everything.has_everywhere(Role.ADMIN)


@pytest.mark.parametrize(
    ("origin", "named"),
    [(Origin.OPEN, False), (Origin.STATIC_TOKEN, False), (Origin.TOKEN, True), (Origin.JWT, True)],
)
def test_whose_name_counts(origin: Origin, named: bool) -> None:
    assert of(origin=origin).is_named is named
