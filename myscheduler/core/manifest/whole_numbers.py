"""Whole numbers as JSON and YAML have them."""

from typing import Any

from pydantic import BeforeValidator


def _whole(value: Any) -> Any:
    """3 for 3.0: JSON and YAML may write the same number either way, and JSON Schema treats both as integers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


WHOLE = BeforeValidator(_whole)
"""Has to come after the bounds, or pydantic leaves them out of the JSON Schema."""
