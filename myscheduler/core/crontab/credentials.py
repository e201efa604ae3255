"""What of a crontab is a credential by its name alone: variables, and comments that speak of one."""

import re
from itertools import pairwise

from myscheduler.core.findings.masking import is_credential_name, masked_text

_SHORT = frozenset({"cred", "creds", "key", "keys", "login", "otp", "pass", "pat", "pin", "pw", "pwd"})
"""Too common to make any header or parameter a credential; in a crontab they name little else."""
_LETTERS = re.compile(r"[^\W\d_]+")
_HUMPS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_COMMAND = re.compile(r"\b(curl|wget)\b|(^|\s)--?[A-Za-z]", re.IGNORECASE)
"""A program, or an option."""


def is_credential_variable(name: str) -> bool:
    """A variable of that name holds a credential: `API_TOKEN`, `DB_PW`, `PIN`; `LOGIN_URL` only tells about one."""
    spelt_out = "_".join("password" if _is_short(word) else word for word in _LETTERS.findall(name))
    return is_credential_name(name) or is_credential_name(spelt_out)


def _is_short(word: str) -> bool:
    return word.lower() in _SHORT or word.lower().endswith(("pass", "pw"))


def is_telling(comment: str) -> bool:
    """The comment holds a command or speaks of a credential, whose value may stand anywhere in it."""
    words = _LETTERS.findall(comment)
    names = {*words, *_HUMPS.findall(comment), *map("_".join, pairwise(words))}
    return (
        _COMMAND.search(comment) is not None
        or any(map(_has_login, comment.split()))
        or masked_text(comment) != comment
        or any(is_credential_variable(name) for name in names)
    )


def _has_login(word: str) -> bool:
    """Something stands before a colon, between it and an `@`, and behind that: `user:password@host`."""
    colon, at = word.find(":", 1), word.rfind("@", 0, -1)
    return 0 < colon < at - 1
