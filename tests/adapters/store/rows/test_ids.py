import os
from datetime import UTC, datetime

from myscheduler.adapters.store.rows.ids import new_execution_id

MOMENT = datetime(2026, 7, 6, 9, tzinfo=UTC)


def test_a_process_that_was_forked_makes_other_ids() -> None:
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, new_execution_id(MOMENT).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reading, 36).decode() != new_execution_id(MOMENT)
    os.close(reading)
    os.close(writing)
