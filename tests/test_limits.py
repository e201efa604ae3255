"""The table of limits in the documents has the numbers of the code."""

import re

import pytest

from myscheduler.adapters.store.rows import tokens as token_rows
from myscheduler.api.door import connections
from myscheduler.api.door.authentication import TRIES
from myscheduler.api.input import inquiries
from myscheduler.api.routes import bulk, session
from myscheduler.core import bounds
from myscheduler.core.history.repeats import LONGEST_KEY
from myscheduler.settings import MAX_API_JOBS, RATE_LIMIT, Settings
from tests.support.checkout import ROOT

PATIENCE = connections.Patience()


def table() -> dict[str, str]:
    text = (ROOT / "docs/rest-api.md").read_text("utf-8")
    (found,) = re.findall(r"^<!-- limits -->\n(.*?)^<!-- /limits -->$", text, re.MULTILINE | re.DOTALL)
    rows = [line.strip("| ").split(" | ") for line in found.splitlines()[2:]]
    return {what: most for what, most, _ in rows}


@pytest.mark.parametrize(
    ("what", "numbers"),
    [
        ("the head of a request, with its URL", (connections.HEAD_LIMIT, connections.HEADERS_LIMIT)),
        ("query parameters", (bounds.MOST_PARAMETERS,)),
        ("a body", (bounds.LARGEST_BODY, session.LARGEST_BODY)),
        ("levels of objects and lists in a body", (bounds.DEEPEST,)),
        ("values in a body, digits of a number, lengths of texts", (bounds.MOST_VALUES, bounds.LONGEST_NUMBER)),
        ("rows of a page, a selection of jobs", (1_000, bulk.MOST)),
        ("`Idempotency-Key`, `reason`", (LONGEST_KEY, bounds.LONGEST_REASON)),
        ("jobs that were created through the API", (MAX_API_JOBS, Settings().max_api_jobs)),
        ("API tokens in the database, revoked ones included", (token_rows.MOST_TOKENS,)),
        ("requests of a client", (RATE_LIMIT, Settings().rate_limit)),
        ("wrong or missing credentials of an address", (TRIES,)),
        ("`/validate` and `/plan` in progress", (inquiries.AT_ONCE, int(inquiries.GIVE_UP_SEC))),
        ("`/forecast`, `/preview`, `/upcoming`", (inquiries.QUEUE, int(inquiries.GIVE_UP_SEC))),
        ("requests that are sent ahead on a connection", (connections.PIPELINE_LIMIT,)),
        ("requests in progress", (connections.STRANGERS,)),
        ("the wait for a head, for a body", (int(PATIENCE.head_sec), int(PATIENCE.body_sec))),
        ("the wait for the next request, for an answer to be read", (int(PATIENCE.idle_sec), int(PATIENCE.answer_sec))),
    ],
)
def test_the_numbers(what: str, numbers: tuple[int | str, ...]) -> None:
    most = table()[what]
    for number in numbers:
        assert (number if isinstance(number, str) else f"{number:,}") in re.split(r"[^\w,]+", most.replace(", ", " "))


def test_every_row_is_compared() -> None:
    (compared,) = [mark.args[1] for mark in test_the_numbers.pytestmark]  # type: ignore[attr-defined]
    assert list(table()) == [what for what, _ in compared]
