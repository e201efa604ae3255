"""Sizes in bytes as text."""

_UNITS = (("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000))


def shown_size(size: int) -> str:
    """Such as `4.1 kB`, `12.3 MB`; a kB has 1,000 bytes, as in `df -H`."""
    for name, unit in _UNITS:
        if size >= unit:
            return f"{size / unit:,.1f} {name}"
    return f"{size} bytes"
