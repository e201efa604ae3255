"""What of a crontab is a credential by its name alone."""

import re

from myscheduler.core.credentials import is_credential_name

_SHORT = frozenset({"cred", "creds", "key", "keys", "login", "otp", "pass", "pat", "pin", "pw", "pwd"})
"""Too common to make any header or parameter a credential; in a crontab they name little else."""
_LETTERS = re.compile(r"[^\W\d_]+")


def is_credential_variable(name: str) -> bool:
    """A variable of that name holds a credential: `API_TOKEN`, `DB_PW`, `PIN`; `LOGIN_URL` only tells about one."""
    spelt_out = "_".join("password" if _is_short(word) else word for word in _LETTERS.findall(name))
    return is_credential_name(name) or is_credential_name(spelt_out)


def _is_short(word: str) -> bool:
    return word.lower() in _SHORT or word.lower().endswith(("pass", "pw"))
