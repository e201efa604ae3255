"""Recognises credentials in a crontab by name alone: in variables, and in comments that mention one."""

import re
from itertools import pairwise

from myscheduler.core.findings.masking import is_credential_name, masked_text

_SHORT = frozenset({"cred", "creds", "key", "keys", "login", "otp", "pass", "pat", "pin", "pw", "pwd"})
"""Words too common to make a header or parameter a credential; in the variables of a crontab they rarely mean else."""
_LETTERS = re.compile(r"[^\W\d_]+")
_HUMPS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")
_COMMAND = re.compile(r"\b(curl|wget)\b|(^|\s)--?[A-Za-z]", re.IGNORECASE)
"""A program, or an option of one."""


def is_credential_variable(name: str) -> bool:
    """Whether a variable of that name holds a credential: `API_TOKEN`, `DB_PW`, `PIN`, but not `LOGIN_URL`."""
    spelt_out = "_".join("password" if _is_short(word) else word for word in _LETTERS.findall(name))
    return is_credential_name(name) or is_credential_name(spelt_out)


def _is_short(word: str) -> bool:
    return word.lower() in _SHORT or word.lower().endswith(("pass", "pw"))


def may_hold_credential(comment: str) -> bool:
    """Whether the comment has a command or mentions a credential, so that a credential may be anywhere in it."""
    words = _LETTERS.findall(comment)
    names = {*words, *_HUMPS.findall(comment), *map("_".join, pairwise(words))}
    return (
        _COMMAND.search(comment) is not None
        or any(map(_has_login, comment.split()))
        or masked_text(comment) != comment
        or any(is_credential_variable(name) for name in names)
    )


def _has_login(word: str) -> bool:
    """Whether the word has the form `user:password@host`, with no part empty."""
    colon, at = word.find(":", 1), word.rfind("@", 0, -1)
    return 0 < colon < at - 1
