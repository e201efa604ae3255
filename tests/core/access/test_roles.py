"""Roles are a ladder: each covers itself and those below it."""

import itertools

import pytest

from myscheduler.core.access.roles import Role


def test_the_ladder() -> None:
    assert list(Role) == ["viewer", "operator", "editor", "admin"]


@pytest.mark.parametrize(("has", "needed"), list(itertools.product(Role, Role)))
def test_a_role_covers_itself_and_those_below(has: Role, needed: Role) -> None:
    assert has.covers(needed) is (list(Role).index(has) >= list(Role).index(needed))
