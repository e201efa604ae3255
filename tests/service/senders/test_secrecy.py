"""No secret crosses the pair of sockets, in either direction, whatever the target answers."""

import base64
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.senders import process
from myscheduler.adapters.senders.channel import Channel
from tests.service.senders.test_fleet import declared, senders
from tests.support.target import Answer, Echo, HangUp, Raw, Reply, Target

pytestmark = pytest.mark.anyio

VALUES = {"key": "s3cret-of-a-header", "body": "s3cret-日本-of-a-body", "query": "s3cret/of+a query"}
JOB = {
    "method": "POST",
    "headers": {"X-Key": "${secret:key}", "Authorization": "Bearer ${secret:key}"},
    "body": {"password": "${secret:body}"},
}
ANSWERS: dict[str, Reply] = {
    "echoed": Echo(),
    "echoed with an error": Echo(status=500),
    "in a head that is no head": Raw(b"HTTP/1.1 200 s3cret-of-a-header\r\nX-A: s3cret-of-a-header\r\n\r\ns3cret-of-a-"),
    "in bytes that are no answer": Raw(b"s3cret-of-a-header\r\n\r\n" * 3),
    "in a redirect": Answer(302, headers=(("Location", "http://127.0.0.1:1/?key=s3cret-of-a-header"),)),
    "hung up": HangUp(),
}


class Overheard(Channel):
    """The main process's end, with all that went over it."""

    received = bytearray()
    said: list[Any] = []  # noqa: RUF012 - of all of them

    def data_received(self, data: bytes) -> None:
        self.received.extend(data)
        super().data_received(data)

    def send(self, value: object) -> None:
        self.said.append(value)
        super().send(value)


def forms_of(value: str) -> list[bytes]:
    """How it could be written in what crosses."""
    plain = value.encode()
    return [
        plain,
        base64.b64encode(plain),
        plain.hex().encode(),
        repr(value)[1:-1].encode(),
        ascii(value)[1:-1].encode(),
    ]


async def test_no_secret_crosses(tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secrets").mkdir()
    for name, value in VALUES.items():
        (tmp_path / "secrets" / name).write_text(value, "utf-8")
    monkeypatch.setattr(process, "Channel", Overheard)
    Overheard.received.clear()
    async with senders(tmp_path) as fleet:
        for number, answer in enumerate(ANSWERS.values()):
            target.answers(f"/{number}?key=s3cret%2Fof%2Ba%20query", answer)
            url = target.url(f"/{number}?key=${{secret:query}}")
            await fleet.call(declared(target_url=url, follow_redirects=True, **JOB))
    assert len(target.requests) == len(ANSWERS)
    assert all(one.header("X-Key") == VALUES["key"] for one in target.requests)
    assert VALUES["body"].encode() in target.requests[0].body or b"u65e5" in target.requests[0].body
    crossed = bytes(Overheard.received) + repr(Overheard.said).encode()
    assert b"HTTP" in crossed or b"http" in crossed  # it is what was said
    assert [form for value in VALUES.values() for form in forms_of(value) if form in crossed] == []
