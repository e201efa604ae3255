"""The ids of traces and spans, the header of a caller, and which traces are recorded."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace as otel
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON, Decision, ParentBased, Sampler, TraceIdRatioBased

from myscheduler.adapters.store.rows.ids import new_execution_id
from myscheduler.core.calls.trace import (
    LONGEST_STATE,
    Sampling,
    TraceParent,
    read_parent,
    sampling_of,
    span_id_of,
    trace_headers,
    trace_id_of,
)

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = TraceParent(TRACE, SPAN, is_sampled=True)
PARENTS = [
    pytest.param([f"00-{TRACE}-{SPAN}-01"], PARENT, id="sampled"),
    pytest.param([f"00-{TRACE}-{SPAN}-00"], TraceParent(TRACE, SPAN, is_sampled=False), id="not sampled"),
    pytest.param([f"00-{TRACE}-{SPAN}-03"], PARENT, id="a flag that came later"),
    pytest.param([f" 00-{TRACE}-{SPAN}-01 "], PARENT, id="white space around it"),
    pytest.param([f"cc-{TRACE}-{SPAN}-01-what-else"], PARENT, id="a version to come"),
    pytest.param([f"00-{TRACE}-{SPAN}-01-what-else"], None, id="more than version 00 has"),
    pytest.param([f"cc-{TRACE}-{SPAN}-01.what"], None, id="not even a version to come"),
    pytest.param([f"ff-{TRACE}-{SPAN}-01"], None, id="the version that is none"),
    pytest.param([f"00-{'0' * 32}-{SPAN}-01"], None, id="no trace"),
    pytest.param([f"00-{TRACE}-{'0' * 16}-01"], None, id="no span"),
    pytest.param([f"00-{TRACE.upper()}-{SPAN}-01"], None, id="capitals"),
    pytest.param([f"00-{TRACE}-{SPAN}"], None, id="no flags"),
    pytest.param([f"00-{TRACE}-{SPAN}-01"] * 2, None, id="two"),
    pytest.param([], None, id="none"),
    pytest.param([""], None, id="empty"),
]


@pytest.mark.parametrize(("written", "expected"), PARENTS)
def test_the_span_of_a_caller(written: list[str], expected: TraceParent | None) -> None:
    assert read_parent(written, []) == expected


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param(["a=1,b=2"], "a=1,b=2", id="as it came"),
        pytest.param(["a=1", " b=2 "], "a=1,b=2", id="in two headers"),
        pytest.param(["a=" + "x" * LONGEST_STATE], "", id="too long"),
        pytest.param(["a=\u00e9"], "", id="not ASCII"),
        pytest.param(["a=1\r\nX-Evil: 1"], "", id="a line break"),
    ],
)
def test_the_state_of_a_caller(states: list[str], expected: str) -> None:
    parent = read_parent([f"00-{TRACE}-{SPAN}-01"], states)
    assert parent is not None
    assert parent.state == expected


@given(st.uuids(version=4).map(lambda one: one.hex))
def test_each_execution_has_a_trace_of_its_own(digits: str) -> None:
    trace_id = trace_id_of(digits)
    assert trace_id_of(trace_id) == digits  # the exchange undoes itself, so no two executions share a trace
    assert trace_id[:15] + trace_id[17:] == digits[:15] + digits[17:]


def test_any_share_of_the_traces_of_executions_can_be_recorded() -> None:
    """If traces had the ids of executions unchanged, a ratio of 0.25 would keep none and one of 0.75 all."""
    ids = [trace_id_of(new_execution_id(NOW + timedelta(milliseconds=count))) for count in range(4_000)]
    for ratio in (0.25, 0.75):
        kept = sum(Sampling(ratio).keeps(one) for one in ids)
        assert abs(kept / len(ids) - ratio) < 0.05  # more than seven standard deviations


def test_each_attempt_has_a_span_of_its_own() -> None:
    ids = {span_id_of(execution, attempt) for execution in ("a", "b") for attempt in range(3)}
    assert len(ids) == 6
    assert all(len(one) == 16 and int(one, 16) for one in ids)


SAMPLERS: list[Any] = [
    pytest.param({}, ParentBased(ALWAYS_ON), id="the default"),
    pytest.param({"OTEL_TRACES_SAMPLER": "always_on"}, ALWAYS_ON, id="always on"),
    pytest.param({"OTEL_TRACES_SAMPLER": "always_off"}, ALWAYS_OFF, id="always off"),
    pytest.param({"OTEL_TRACES_SAMPLER": "parentbased_always_off"}, ParentBased(ALWAYS_OFF), id="the parent, else off"),
    *(
        pytest.param(
            {"OTEL_TRACES_SAMPLER": f"{prefix}traceidratio", "OTEL_TRACES_SAMPLER_ARG": str(ratio)},
            sampler,
            id=f"{prefix}{ratio}",
        )
        for ratio in (0.0, 0.3, 1.0)
        for prefix, sampler in (
            ("", TraceIdRatioBased(ratio)),
            ("parentbased_", ParentBased(TraceIdRatioBased(ratio))),
        )
    ),
]
ANY_ID = st.integers(1, (1 << 128) - 1)


@pytest.mark.parametrize(("environment", "reference"), SAMPLERS)
@given(trace_id=ANY_ID, is_sampled=st.sampled_from((None, True, False)))
def test_samplers_decide_as_those_of_opentelemetry_do(
    environment: dict[str, str], reference: Sampler, trace_id: int, is_sampled: bool | None
) -> None:
    text, context, parent = f"{trace_id:032x}", None, None
    if is_sampled is not None:
        parent = TraceParent(text, SPAN, is_sampled)
        flags = otel.TraceFlags(otel.TraceFlags.SAMPLED if is_sampled else otel.TraceFlags.DEFAULT)
        remote = otel.SpanContext(trace_id, int(SPAN, 16), is_remote=True, trace_flags=flags)
        context = otel.set_span_in_context(otel.NonRecordingSpan(remote))
    decided = reference.should_sample(context, trace_id, "a")
    assert sampling_of(environment).keeps(text, parent) is (decided.decision is Decision.RECORD_AND_SAMPLE)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        pytest.param({"OTEL_TRACES_SAMPLER": "xray"}, "OTEL_TRACES_SAMPLER is 'xray'", id="a sampler we don't have"),
        pytest.param(
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "ten"},
            "OTEL_TRACES_SAMPLER_ARG is 'ten': write a share from 0 to 1",
            id="no number",
        ),
        pytest.param(
            {"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "nan"},
            "OTEL_TRACES_SAMPLER_ARG is 'nan'",
            id="not a number",
        ),
    ],
)
def test_samplers_that_are_not_known(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampling_of(environment)


EXECUTION = "0198c0f4-5c00-7abc-8def-0123456789ab"
OWN = trace_id_of(EXECUTION)


@pytest.mark.parametrize(
    ("sampling", "parent", "expected"),
    [
        pytest.param(Sampling(), None, {"traceparent": f"00-{OWN}-{span_id_of(EXECUTION, 2)}-01"}, id="its own trace"),
        pytest.param(Sampling(0), None, {"traceparent": f"00-{OWN}-{span_id_of(EXECUTION, 2)}-00"}, id="not recorded"),
        pytest.param(
            Sampling(0),
            TraceParent(TRACE, SPAN, is_sampled=True, state="a=1"),
            {"traceparent": f"00-{TRACE}-{span_id_of(EXECUTION, 2)}-01", "tracestate": "a=1"},
            id="the trace of a caller",
        ),
    ],
)
def test_headers(sampling: Sampling, parent: TraceParent | None, expected: dict[str, str]) -> None:
    assert trace_headers(EXECUTION, 2, sampling, parent) == expected
