"""Durations as text."""

from datetime import timedelta


def span_words(span: timedelta) -> str:
    """Such as `0.2 s`, `45 s`, `1 h 30 min`: three digits below a minute, whole seconds above; without the sign."""
    seconds = abs(span.total_seconds())
    if seconds < 59.95:
        return f"{seconds:.3g} s" if seconds >= 0.001 else "0 s"
    parts = []
    rest = round(seconds)
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts)
