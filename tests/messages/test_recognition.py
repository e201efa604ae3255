"""Texts of the history are read back to the code and parameters that they were rendered from."""

import pytest

from myscheduler.messages.message import coded, said
from myscheduler.messages.recognition import recognised
from myscheduler.messages.texts.calls import CALLS
from myscheduler.messages.texts.templates import AT_RUN_TIME
from tests.support.sentences import sample

PARTS = {"secret-not-granted": {"host": "a.example:443", "allowed": said("for-no-host")}}
"""Parameters of sentences that stand in these only."""


@pytest.mark.parametrize("code", sorted(CALLS | AT_RUN_TIME))
def test_a_text_gives_its_code_and_parameters(code: str) -> None:
    message = sample(code, **PARTS.get(code, {}))
    assert coded(recognised(str.__str__(message))) == coded(message)


@pytest.mark.parametrize(
    "text", ["", "x", "something that an older version wrote", "a and b and c; d; e", "x " * 2_000]
)
def test_other_texts_have_the_code_other(text: str) -> None:
    assert coded(recognised(text)) == {"code": "other", "params": {}, "text": text}
