"""Cursors: they come back as they were given, and nothing else is one."""

import pytest

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.api.errors import InvalidInputError
from myscheduler.api.input.paging import cursor_of, read_cursor
from tests.support.stored import NOW


def test_a_cursor_comes_back() -> None:
    one = new_execution_id(NOW)
    assert read_cursor(cursor_of(one)) == one
    assert read_cursor(None) is None
    assert one[:8] not in cursor_of(one)


@pytest.mark.parametrize(
    "text", ["", "x", "0198a0f0-0000-7000-8000-000000000000", "日本", "A" * 23, "AQ==", "=" * 24, "AQ" * 50]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError, match="next_cursor"):
        read_cursor(text)
