"""Ids of executions and of audit entries."""

import os
import secrets
from datetime import datetime
from random import Random


def new_execution_id(moment: datetime) -> str:
    """A UUID of version 7 (RFC 9562, 5.7): ids sort by time, in milliseconds."""
    milliseconds = int(moment.timestamp() * 1000) & 0xFFFFFFFFFFFF
    chance = _CHANCE.getrandbits(74)
    text = f"{milliseconds << 80 | 0x7 << 76 | chance >> 62 << 64 | 0b10 << 62 | chance & _LOW:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


_CHANCE = Random(secrets.randbits(256))  # noqa: S311 - ids must be unique, not secret, and this is 20 times faster
os.register_at_fork(after_in_child=lambda: _CHANCE.seed(secrets.randbits(256)))  # else both go on alike

_LOW = (1 << 62) - 1
