"""Codes and parameters suffice to say everything in another language."""

import json
import re
from datetime import UTC, datetime

import pytest

from myscheduler.core.calls.outcome import Failure
from myscheduler.core.gitops.sync_state import SyncCondition
from myscheduler.core.history.execution import Status
from myscheduler.core.reason import Reason
from myscheduler.messages.catalogue import MESSAGES
from myscheduler.messages.message import coded, said
from myscheduler.messages.recognition import recognised
from myscheduler.messages.template import parameters, parsed
from myscheduler.messages.texts import calls, why
from tests.support.japanese import MESSAGES as TEXTS
from tests.support.japanese import WORDS, in_japanese
from tests.support.sentences import sample


@pytest.mark.parametrize("code", sorted(why.WHY.keys() | calls.CALLS.keys() | TEXTS.keys()))
def test_a_sentence_needs_nothing_but_its_parameters(code: str) -> None:
    sent = json.loads(json.dumps(coded(sample(code))))
    del sent["text"]
    words = in_japanese(sent, TEXTS)
    assert words or MESSAGES[code] == ""
    named = {part.name for part in parsed(TEXTS[code]) if part.name}
    assert named <= parameters(MESSAGES[code]).keys()


def test_every_word_of_the_history_and_of_the_source_can_be_said() -> None:
    assert {f"reason-{reason}" for reason in Reason} <= TEXTS.keys()
    assert {f"reason.{reason}" for reason in Reason} <= WORDS.keys()
    assert {f"failure.{failure}" for failure in Failure} <= WORDS.keys()
    assert {f"source.{condition}" for condition in SyncCondition} <= WORDS.keys()
    assert {f"state.{status}" for status in Status} <= WORDS.keys()


NOT_ON_PAGES = frozenset({
    # requests that no page sends: without a browser, with ETags, or for tokens and jobs of the API
    "head-too-slow", "host-header-invalid", "host-headers-count", "request-not-http", "request-not-http-because",
    "too-many-ahead", "too-many-headers", "job-changed", "not-an-etag", "key-invalid", "key-used", "ids-differ",
    "ids-differ-advice", "not-with-compact", "too-many-api-jobs", "token-name-taken", "token-not-found",
    "too-many-tokens", "unknown-key-of-token",
    # bodies and parameters that only somebody who writes them by hand gets wrong
    "body-compressed", "body-not-an-object", "body-not-json", "body-too-deep", "catchup-not-one-of",
    "content-type-missing", "content-type-not-json", "cursor-of-other-sort", "fields-are", "files-count",
    "files-not-an-object", "files-or-manifest-missing", "key-twice", "label-with-two-values", "labels-too-many",
    "needs-boolean", "needs-list", "needs-object", "needs-text", "no-parameters", "not-a-cursor", "not-a-json-number",
    "not-a-label", "not-a-label-filter", "not-a-sequence", "overlap-not-allow", "parameter-twice", "parameters-are",
    "selection-missing", "selection-missing-of", "too-many-labels", "unknown-body-key", "unknown-field",
    "unknown-key-of-files", "unknown-parameter",
    # answers to pings
    "ping-action-unknown", "ping-not-recorded", "ping-unknown",
})  # fmt: skip


def test_whatever_a_page_may_show_can_be_said() -> None:
    """Every problem of a file, every answer to a question, and every refusal of what a page asks for."""
    assert set(MESSAGES) - TEXTS.keys() == NOT_ON_PAGES


def test_a_share_is_a_percentage() -> None:
    message = said("over-budget", count=40, total=100, jobs=10, share=0.3)
    assert in_japanese(json.loads(json.dumps(coded(message))), TEXTS).endswith("上限は10件と30%の多いほう)")


def test_no_english_is_left() -> None:
    words = [in_japanese(coded(sample(code)), TEXTS) for code in TEXTS if code.startswith("reason-")]
    english = re.compile(r"\b(the|was|is|not|of|and|it)\b")
    assert [one for one in words if english.search(one)] == []


@pytest.mark.parametrize(
    ("message", "words"),
    [
        pytest.param(
            said(
                "slot-skipped",
                slot=datetime(2026, 6, 1, 0, tzinfo=UTC),
                why=said("paused-by", by="ann", at=datetime(2026, 5, 31, tzinfo=UTC), reason="棚卸し"),
            ),
            "2026/06/01 00:00:00の回は見送り: annが2026/05/31 00:00:00に一時停止した(棚卸し)。",
            id="nested",
        ),
        pytest.param(
            recognised("answered 503; api.example.com:443 sent more than 256 KiB of headers"),
            "応答 503。api.example.com:443 の応答: ヘッダーが 256 KiB を超えた",
            id="stored",
        ),
        pytest.param(
            recognised("not sent within 30 s: too many open files in this process (its limit is 64: raise ulimit -n)"),
            "30秒以内に送信できなかった: このプロセスの開いているファイルが多すぎる(上限 64: ulimit -n を上げる)",
            id="a reason of our own",
        ),
    ],
)
def test_examples(message: str, words: str) -> None:
    assert in_japanese(json.loads(json.dumps(coded(message))), TEXTS) == words
