"""Spans of time as people say them."""

from datetime import timedelta

import pytest

from myscheduler.messages.durations import span_words


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(), "0 s"),
        (timedelta(microseconds=20), "0 s"),
        (timedelta(milliseconds=250), "0.25 s"),
        (timedelta(seconds=59.94), "59.9 s"),
        (timedelta(seconds=59.96), "1 min"),
        (timedelta(seconds=90), "1 min 30 s"),
        (-timedelta(hours=1), "1 h"),
        (timedelta(hours=3) - timedelta(milliseconds=3), "3 h"),
        (timedelta(days=730, minutes=5), "730 d 5 min"),
    ],
)
def test_span_words(span: timedelta, words: str) -> None:
    assert span_words(span) == words
