"""The secrets of a call stay out of all that is kept and told of it."""

import base64
import gzip
from urllib.parse import quote

import pytest

from myscheduler.adapters.http.message import known_destination, message_of
from myscheduler.adapters.http.sender import Sender
from myscheduler.core.calls.outcome import EXCERPT_BYTES, Failure, Outcome
from myscheduler.core.secrets.redaction import REDACTED, Secret
from tests.support.calls import request
from tests.support.target import Answer, Raw, Target

pytestmark = pytest.mark.anyio


CANARY = "c4nary-of-the-mine/with+signs"
SECRET = Secret.of("canary", CANARY)


@pytest.mark.parametrize(
    ("place", "shown"),
    [
        pytest.param(0, REDACTED, id="at the start"),
        pytest.param(EXCERPT_BYTES - len(CANARY), "." * (EXCERPT_BYTES - len(CANARY)) + REDACTED, id="up to the cut"),
        *(
            pytest.param(EXCERPT_BYTES - left, "." * (EXCERPT_BYTES - left) + REDACTED[:left], id=f"{left} before it")
            for left in (1, 2, 10, 20, len(CANARY) - 1)
        ),
        pytest.param(EXCERPT_BYTES, "." * EXCERPT_BYTES, id="behind the cut"),
    ],
)
@pytest.mark.parametrize("coding", ["", "gzip"])
async def test_a_secret_is_taken_out_before_the_cut(
    sender: Sender, target: Target, coding: str, place: int, shown: str
) -> None:
    text = ("." * place + CANARY + " " * 10).encode()
    answer = Answer(200, gzip.compress(text), (("Content-Encoding", coding),)) if coding else Answer(200, text)
    target.answers("/", answer)
    outcome = await sender.send(request(target.url("/"), secrets=(SECRET,)))
    assert outcome.excerpt is not None
    assert outcome.excerpt.rstrip(" ") == shown
    target.answers("/", answer)
    plain = await sender.send(request(target.url("/")))
    assert plain.excerpt == text[:EXCERPT_BYTES].decode()


@pytest.mark.parametrize("left", [1, 6, 8, 9, 10, 11, 20])
async def test_what_is_behind_the_cut_tells_what_is_before_it(sender: Sender, target: Target, left: int) -> None:
    """The beginning of credentials in base64 looks like any word; read on, and it is known."""
    begin = EXCERPT_BYTES - left
    token = base64.b64encode(f"user:{CANARY}".encode()).decode()
    target.answers("/", Answer(200, f"{'.' * begin}{token}".encode()))
    outcome = await sender.send(request(target.url("/"), secrets=(SECRET,)))
    assert outcome.excerpt == "." * begin + REDACTED[:left]


@pytest.mark.parametrize("charset", ["utf-8", "utf-16", "utf-32", "shift_jis", "latin-1"])
async def test_a_secret_is_found_in_every_charset(sender: Sender, target: Target, charset: str) -> None:
    text = f"{'.' * 10}{CANARY}{'.' * (EXCERPT_BYTES // len('.'.encode(charset)))}{CANARY}"
    target.answers("/", Answer(200, text.encode(charset), (("Content-Type", f"text/plain; charset={charset}"),)))
    outcome = await sender.send(request(target.url("/"), secrets=(SECRET,)))
    assert outcome.excerpt is not None
    assert outcome.excerpt.startswith(f"..........{REDACTED}..")
    assert "c4n" not in outcome.excerpt


@pytest.mark.parametrize("sent", [1, 5, len(CANARY) - 1])
async def test_an_answer_that_stalls_within_a_secret(sender: Sender, target: Target, sent: int) -> None:
    begun = f"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\ntoken={CANARY[:sent]}".replace("\n\n", "\n\r\n")
    target.answers("/", Raw(begun.encode()))
    outcome = await sender.send(request(target.url("/"), secrets=(SECRET,)))
    assert (outcome.http_status, outcome.excerpt) == (200, f"token={REDACTED}")


async def test_the_size_counts_all_that_was_read(sender: Sender, target: Target) -> None:
    target.answers("/", Answer(500, CANARY.encode(), repeat=1_000))
    outcome = await sender.send(request(target.url("/"), secrets=(SECRET,)))
    assert (outcome.response_size, outcome.http_status) == (1_000 * len(CANARY), 500)
    assert outcome.excerpt == REDACTED


async def test_a_url_with_a_secret_is_not_kept(sender: Sender, target: Target) -> None:
    known_destination.cache_clear()
    in_url = quote(CANARY, safe="")
    for path in ("/plain", f"/{in_url}", f"/?q={in_url}"):
        await sender.send(request(target.url(path), secrets=(SECRET,)))
    await sender.send(request(target.url("/").replace("://", f"://user:{in_url}@"), secrets=(SECRET,)))
    assert known_destination.cache_info().currsize == 1


async def test_a_request_does_not_tell_itself(target: Target) -> None:
    url = target.url(f"/{CANARY}").replace("://", f"://user:{quote(CANARY, safe='')}@")
    message = request(url, headers={"A": CANARY}, body=CANARY.encode(), secrets=(SECRET,))
    assert CANARY not in repr(message) + repr(message_of(message))


async def test_a_header_value_that_can_not_be_sent_is_not_told(sender: Sender, target: Target) -> None:
    message = request(target.url("/"), headers={"Authorization": f"Bearer {CANARY}\nX"}, secrets=(SECRET,))
    outcome = await sender.send(message)
    assert outcome == Outcome(
        failure=Failure.INVALID_REQUEST,
        error="the value of the header Authorization has a line break or another control character",
    )
    assert target.requests == []
