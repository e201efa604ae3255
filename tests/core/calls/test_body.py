"""The query and the body of a request, as a target's own libraries read them."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from myscheduler.core.calls.body import multipart_body, with_query
from myscheduler.core.calls.request import Request, build_request, filled
from myscheduler.core.job.payload import (
    Binary,
    Form,
    Multipart,
    Part,
    Text,
    pairs_from_json,
    payload_from_json,
    payload_to_json,
)
from myscheduler.core.job.spec import DeclaredCron, JobSpec
from myscheduler.core.secrets.redaction import Secret

SPEC = JobSpec("a", "a", DeclaredCron((("hour", "1"),)), "http://x/run", method="POST")
SLOT = datetime(2026, 7, 1, tzinfo=UTC)


def _request(**fields: Any) -> Request:
    return build_request(replace(SPEC, **fields), "e-1", SLOT, 1, user_agent="myscheduler/1")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://x/run", "http://x/run?a=1"),
        ("http://x", "http://x?a=1"),
        ("http://x/run?", "http://x/run?a=1"),
        ("http://x/run?b=2", "http://x/run?b=2&a=1"),
        ("http://x/run?b=2&", "http://x/run?b=2&a=1"),
        ("http://x/run#part", "http://x/run?a=1#part"),
        ("http://x/run?b=2#part", "http://x/run?b=2&a=1#part"),
    ],
)
def test_parameters_are_added_to_the_query(url: str, expected: str) -> None:
    assert with_query(url, pairs_from_json({"a": 1})) == expected


def test_a_target_reads_the_parameters_as_they_are_written() -> None:
    given: dict[str, Any] = {
        "名": "日 次",
        "a&b": "c=d&e",
        "plus": "1+1",
        "n": [1, 1.5, True, "x"],
        "empty": "",
        "tab": "#/?%",
    }
    read = parse_qsl(urlsplit(_request(query=pairs_from_json(given)).url).query, keep_blank_values=True)
    assert read == [
        ("名", "日 次"),
        ("a&b", "c=d&e"),
        ("plus", "1+1"),
        *(("n", one) for one in ("1", "1.5", "true", "x")),
        ("empty", ""),
        ("tab", "#/?%"),
    ]


def test_a_secret_in_the_query() -> None:
    spec = replace(SPEC, query=pairs_from_json({"key": "a ${secret:key} b", "literal": "$${x}"}))
    built = build_request(spec, "e-1", SLOT, 1, user_agent="x")
    url = filled(built, spec, {"key": Secret.of("key", "p&q=r#s")}).url
    assert parse_qsl(urlsplit(url).query) == [("key", "a p&q=r#s b"), ("literal", "${x}")]


def test_a_form() -> None:
    spec = replace(SPEC, payload=Form(pairs_from_json({"名": "日 次", "tag": ["a&b", "${secret:key}"]})))
    request = build_request(spec, "e-1", SLOT, 1, user_agent="x")
    body = filled(request, spec, {"key": Secret.of("key", "p&q=r+s")}).body
    assert body is not None
    assert parse_qsl(body.decode()) == [("名", "日 次"), ("tag", "a&b"), ("tag", "p&q=r+s")]
    assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"


def test_a_text_is_sent_as_it_is() -> None:
    spec = replace(SPEC, payload=Text("<日次>\n ${secret:key}$${x}"))
    request = build_request(spec, "e-1", SLOT, 1, user_agent="x")
    assert filled(request, spec, {"key": Secret.of("key", '"&<')}).body == '<日次>\n "&<${x}'.encode()
    assert request.headers["Content-Type"] == "text/plain; charset=utf-8"
    given = _request(payload=Text("<a/>"), headers={"content-type": "text/xml"})
    assert [value for name, value in given.headers.items() if name.lower() == "content-type"] == ["text/xml"]


def test_bytes() -> None:
    data = bytes(range(256)) + b"${secret:key}"
    spec = replace(SPEC, payload=Binary("AAEC\n AwQ=\n"))
    assert build_request(spec, "e-1", SLOT, 1, user_agent="x").body == bytes(range(5))
    request = replace(build_request(spec, "e-1", SLOT, 1, user_agent="x"), body=data)
    assert filled(request, spec, {"key": Secret.of("key", "v")}).body == data  # nothing is replaced in bytes
    assert request.headers["Content-Type"] == "application/octet-stream"


def _parts(content_type: Any, body: bytes) -> list[Message]:
    whole = message_from_bytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    assert whole.is_multipart()
    assert not whole.defects
    parts = whole.get_payload()
    assert isinstance(parts, list)
    return [one for one in parts if isinstance(one, Message)]


def test_a_form_with_files() -> None:
    payload = Multipart(
        (
            Part("title", value="日次 ${secret:key}"),
            Part('ta"ble', file="tables/価格.csv", content_type="text/csv"),
            Part("raw", file="raw", filename="a.bin"),
        )
    )
    files = {"tables/価格.csv": b"a,b\r\n", "raw": b"\r\n--${secret:key}\x00\xff"}
    body = multipart_body(payload, "e-1", {"key": "v"}, files)
    parts = _parts(_request(payload=payload).headers["Content-Type"], body)
    assert [one.get_payload(decode=True) for one in parts] == ["日次 v".encode(), b"a,b\r\n", files["raw"]]
    assert [one.get("Content-Type") for one in parts] == [None, "text/csv", "application/octet-stream"]
    dispositions = body.decode("utf-8", "replace")
    assert 'form-data; name="title"\r\n\r\n' in dispositions
    assert 'form-data; name="ta%22ble"; filename="価格.csv"\r\n' in dispositions
    assert 'form-data; name="raw"; filename="a.bin"\r\n' in dispositions


@pytest.mark.parametrize(
    "payload",
    [
        Form(pairs_from_json({"a": ["b", "c"], "d": 1})),
        Text("日次"),
        Binary("AAEC"),
        Multipart((Part("a", value=""), Part("b", file="c/d", filename="e", content_type="text/csv"))),
    ],
)
def test_a_payload_is_stored_and_read_back(payload: Any) -> None:
    assert payload_from_json(payload_to_json(payload)) == payload
