"""The trace of an execution (W3C Trace Context): its ids, and the headers that tell a target about it.

The ids are derived from the id of the execution and the number of the attempt. So they need no storage, are the same
after a restart, and are known before and after the call.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"
LONGEST_STATE = 512
"""The most characters of a `tracestate` that is passed on: what the standard asks everybody to pass on."""

_PARENT = re.compile(
    r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII
)
_STATE = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class TraceParent:
    """The span of a caller that asked for a run: the run becomes a part of its trace."""

    trace_id: str
    """32 hexadecimal digits."""
    span_id: str
    """16 hexadecimal digits."""
    is_sampled: bool
    state: str = field(default="", repr=False)
    """The `tracestate` that came with it, to be passed on unread."""


def read_parent(parents: Sequence[str], states: Sequence[str]) -> TraceParent | None:
    """The caller's span by the values of its headers `traceparent` and `tracestate`.

    `None` without a valid one: as the standard says, a request is never refused for it.
    """
    found = _PARENT.fullmatch(parents[0].strip()) if len(parents) == 1 else None
    if found is None or (found[1] == "00" and found[5]):
        return None
    state = ",".join(one.strip() for one in states)
    is_usable = len(state) <= LONGEST_STATE and _STATE.fullmatch(state)
    return TraceParent(found[2], found[3], bool(int(found[4], 16) & 1), state if is_usable else "")


def trace_id_of(execution_id: str) -> str:
    """The trace of an execution that no caller's trace contains, as 32 hexadecimal digits.

    The digits of the execution's id, but the two fixed bits in its middle (RFC 9562, 4.1) change places with two random
    ones. Else the last 64 bits would never be below half of their range, and samplers that compare them with a ratio
    would keep all traces or none.
    """
    digits = execution_id.replace("-", "")
    return digits[:15] + _EXCHANGED.get(digits[15:17], digits[15:17]) + digits[17:]


def _exchanged(first: int, second: int) -> str:
    """Two hexadecimal digits, of which the lower bits of the first and the upper of the second change places."""
    return f"{first & 0b1100 | second >> 2:x}{(first & 0b11) << 2 | second & 0b11:x}"


_EXCHANGED = {f"{first:x}{second:x}": _exchanged(first, second) for first in range(16) for second in range(16)}


def span_id_of(execution_id: str, attempt: int = 0) -> str:
    """The span of an attempt, counted from 1, or that of the execution itself: 16 hexadecimal digits."""
    return hashlib.blake2b(f"{execution_id}/{attempt}".encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Sampling:
    """Which traces are recorded, as the samplers of OpenTelemetry decide it."""

    ratio: float = 1.0
    """The share of traces that are recorded, from 0 to 1."""
    follows_parent: bool = True
    """Whether the decision of a caller counts instead, where there is one."""

    def keeps(self, trace_id: str, parent: TraceParent | None = None) -> bool:
        if parent is not None and self.follows_parent:
            return parent.is_sampled
        return self.ratio >= 1 or int(trace_id[16:], 16) < round(self.ratio * (1 << 64))


def exports_spans(environment: Mapping[str, str]) -> bool:
    """Whether the variables of OpenTelemetry name a collector to which spans go."""

    def written(name: str) -> str:
        return environment.get(name, "").strip().lower()

    endpoints = written("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or written("OTEL_EXPORTER_OTLP_ENDPOINT")
    return (
        bool(endpoints) and written("OTEL_SDK_DISABLED") != "true" and written("OTEL_TRACES_EXPORTER") in {"", "otlp"}
    )


_RATIOS = {"always_on": 1.0, "always_off": 0.0, "traceidratio": None}


def sampling_of(environment: Mapping[str, str]) -> Sampling:
    """What `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG` say; all is recorded if they are not set.

    Raises `ValueError`, whose text says what to write, for a sampler that is not known and a ratio that is none.
    """
    written = environment.get("OTEL_TRACES_SAMPLER", "").strip().lower() or "parentbased_always_on"
    name = written.removeprefix("parentbased_")
    if name not in _RATIOS:
        known = ", ".join(f"{prefix}{one}" for prefix in ("parentbased_", "") for one in _RATIOS)
        raise ValueError(f"OTEL_TRACES_SAMPLER is {written[:60]!r}, which is not one of {known}")
    ratio = _RATIOS[name]
    return Sampling(_ratio(environment) if ratio is None else ratio, follows_parent=name != written)


def _ratio(environment: Mapping[str, str]) -> float:
    written = environment.get("OTEL_TRACES_SAMPLER_ARG", "").strip() or "1"
    try:
        ratio = float(written)
    except ValueError:
        ratio = -1
    if not 0 <= ratio <= 1:
        raise ValueError(f"OTEL_TRACES_SAMPLER_ARG is {written[:60]!r}: write a share from 0 to 1, such as 0.1")
    return ratio


def trace_headers(execution_id: str, attempt: int, sampling: Sampling, parent: TraceParent | None) -> dict[str, str]:
    """The headers of an attempt that put what the target does into the trace of the execution."""
    trace_id = parent.trace_id if parent else trace_id_of(execution_id)
    flags = "01" if sampling.keeps(trace_id, parent) else "00"
    headers = {TRACEPARENT: f"00-{trace_id}-{span_id_of(execution_id, attempt)}-{flags}"}
    if parent is not None and parent.state:
        headers[TRACESTATE] = parent.state
    return headers
