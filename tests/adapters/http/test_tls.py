"""TLS as a job declares it, against real servers: its authorities, a certificate of the client, and no check."""

import asyncio
from collections.abc import Iterator

import pytest

from myscheduler.adapters.http.contexts import MOST_CONTEXTS, Contexts
from myscheduler.adapters.http.sender import Sender
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.job.transport import Tls, Transport
from tests.support.calls import request
from tests.support.certificates import Authority, Pair, key_with_password, server_context
from tests.support.target import AUTHORITY, Answer, Target

pytestmark = pytest.mark.anyio

PARTNER, CLIENTS = Authority("partner"), Authority("clients")
SERVER, CLIENT, STRANGER = PARTNER.pair(), CLIENTS.pair("client"), PARTNER.pair("stranger")
OK = Outcome(200, None, None, 2, "ok")


@pytest.fixture
def partner() -> Iterator[Target]:
    with Target(tls=server_context(SERVER)) as opened:
        yield opened


@pytest.fixture
def strict() -> Iterator[Target]:
    """Wants a certificate of the client."""
    with Target(tls=server_context(SERVER, clients=CLIENTS)) as opened:
        yield opened


def _with(pair: Pair | None = None, ca: str | None = PARTNER.pem, *, verify: bool = True) -> Transport:
    return Transport(
        tls=Tls(ca, pair.certificate if pair else None, pair.key if pair else None, verify), follow_redirects=2
    )


async def test_authorities_of_the_job_replace_those_of_the_machine(partner: Target, sender: Sender) -> None:
    unknown = "certificate verify failed: unable to get local issuer certificate"
    assert await sender.send(request(partner.url("/"), transport=_with())) == OK
    for other in (Transport(), _with(ca=AUTHORITY)):
        outcome = await sender.send(request(partner.url("/"), transport=other))
        assert outcome.error == f"TLS with 127.0.0.1:{partner.port}: {unknown}"


async def test_a_client_certificate(strict: Target, sender: Sender) -> None:
    assert await sender.send(request(strict.url("/"), transport=_with(CLIENT))) == OK
    for wrong in (None, STRANGER):
        outcome = await sender.send(request(strict.url("/"), transport=_with(wrong)))
        assert outcome.failure in {Failure.TLS, Failure.RESET}  # TLS 1.3 ends the handshake before the server refuses
    assert len(strict.requests) == 1


async def test_no_check_at_all(partner: Target, sender: Sender) -> None:
    assert await sender.send(request(partner.url("/"), transport=_with(ca=None, verify=False))) == OK


async def test_another_name_is_refused(partner: Target, sender: Sender) -> None:
    same_server = partner.url("/").replace("127.0.0.1", "[::ffff:127.0.0.1]")
    outcome = await sender.send(request(same_server, transport=_with()))
    assert outcome.failure is Failure.TLS
    assert "certificate verify failed: IP address mismatch" in (outcome.error or "")


@pytest.mark.parametrize(
    ("tls", "error"),
    [
        pytest.param(Tls(ca="no PEM"), "tls.ca holds no certificates", id="ca"),
        pytest.param(Tls(ca=""), "tls.ca holds no certificates", id="empty ca"),
        pytest.param(Tls(ca="日本"), "tls.ca holds no certificates", id="other letters"),
        pytest.param(Tls(None, CLIENT.certificate, STRANGER.key), "tls.certificate and tls.key", id="other key"),
        pytest.param(Tls(None, CLIENT.certificate, "x"), "tls.certificate and tls.key", id="no key"),
        pytest.param(Tls(None, "x", CLIENT.key), "tls.certificate and tls.key", id="no certificate"),
        pytest.param(Tls(None, CLIENT.certificate, key_with_password()), "tls.certificate and tls.key", id="password"),
    ],
)
async def test_material_that_is_of_no_use(partner: Target, sender: Sender, tls: Tls, error: str) -> None:
    outcome = await sender.send(request(partner.url("/"), transport=Transport(tls=tls)))
    assert (outcome.http_status, outcome.failure) == (None, Failure.SECRET_UNUSABLE)
    assert (outcome.error or "").startswith(error)
    assert partner.connections == 0


async def test_connections_are_kept_for_the_same_material(partner: Target, sender: Sender) -> None:
    for _ in range(3):
        assert await sender.send(request(partner.url("/"), transport=_with())) == OK
    assert partner.connections == 1
    assert await sender.send(request(partner.url("/"), transport=_with(ca=None, verify=False))) == OK
    assert partner.connections == 2


async def test_the_client_certificate_stays_with_its_origin(strict: Target, partner: Target, sender: Sender) -> None:
    strict.answers("/", Answer(307, headers=(("Location", partner.url("/end")),)))
    with Target(tls=server_context(SERVER, clients=CLIENTS)) as other:
        strict.answers("/other", Answer(307, headers=(("Location", other.url("/end")),)))
        fine = await sender.send(request(strict.url("/"), transport=_with(CLIENT)))
        refused = await sender.send(request(strict.url("/other"), transport=_with(CLIENT)))
        assert (fine.failure, other.requests) == (None, [])
        assert refused.failure in {Failure.TLS, Failure.RESET}


async def test_the_missing_check_stays_with_its_origin(partner: Target, sender: Sender) -> None:
    with Target(tls=server_context(SERVER)) as other:
        partner.answers("/", Answer(302, headers=(("Location", other.url("/end")),)))
        outcome = await sender.send(request(partner.url("/"), transport=_with(ca=None, verify=False)))
        assert (outcome.failure, other.requests) == (Failure.TLS, [])


async def test_contexts_are_made_once_and_bounded() -> None:
    contexts = Contexts()
    first, *others = await asyncio.gather(*(contexts.of(Tls(ca=PARTNER.pem)) for _ in range(5)))
    assert all(one is first for one in others)
    assert await contexts.of(Tls(ca=PARTNER.pem, verify=False)) is not first
    for number in range(MOST_CONTEXTS):
        await contexts.of(Tls(ca=PARTNER.pem + "\n" * (number + 1)))
    assert await contexts.of(Tls(ca=PARTNER.pem)) is not first
    assert len(contexts._made) == MOST_CONTEXTS
