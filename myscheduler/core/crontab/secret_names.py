"""Replaces credentials by references to secrets, and says what each secret must hold."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import unquote, unquote_plus, urlsplit

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.markers import has_expression
from myscheduler.core.crontab.reaching import with_login
from myscheduler.core.findings.masking import MASK, REFERENCE
from myscheduler.core.secrets.literals import masked

_ENCODED = {("target_url",), ("body",)}
_WITH_CREDENTIALS = ("target_url", "query", "headers", "body", "text", "multipart")


class Logins(NamedTuple):
    """The logins of a call."""

    login: str | None = None
    """`user:password`."""
    netrc: str | None = None
    """The path of the .netrc file that has it."""
    proxy_login: str | None = None


NO_LOGINS = Logins()


def ascii_name(text: str) -> str:
    """The text with what the name of a secret can't contain replaced by `-`."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", text).strip("-.")


@dataclass(slots=True)
class Names:
    """Gives out unique names: where a wished name is taken, a number is appended."""

    taken: set[str] = field(default_factory=set)
    numbers: Counter[str] = field(default_factory=Counter)
    """The last number tried for each wished name, so that the search doesn't start over."""

    def find(self, wished: str) -> str:
        name = wished
        while name in self.taken:
            self.numbers[wished] += 1
            name = f"{wished}-{self.numbers[wished] + 1}"
        return name

    def give_back(self, names: set[str]) -> None:
        self.taken -= names
        if names:
            self.numbers.clear()

    def take(self, wished: str) -> str:
        name = self.find(wished)
        self.taken.add(name)
        return name


def _between(parts: Sequence[str], text: str) -> list[str] | None:
    """The pieces of a text between these parts, at least one character each; `None` where the text doesn't match.

    A regular expression would backtrack through every split of a text that doesn't match.
    """
    first, *inner, last = parts
    found, at, end = list[str](), len(first), len(text) - len(last)
    for part in inner:
        begin = text.find(part, at + 1, end)
        if begin < 0:
            return None
        found.append(text[at:begin])
        at = begin + len(part)
    return [*found, text[at:end]] if at < end and text.startswith(first) and text.endswith(last) else None


@dataclass(slots=True)
class SecretNames:
    """Replaces credentials by references to secrets, and names the secrets."""

    names: dict[str, str] = field(default_factory=dict)
    """The names of secrets by the values that they must hold, so that equal values share a secret."""
    free: Names = field(default_factory=Names)

    def without_credentials(
        self, call: dict[str, Any], *, prefix: str, logins: Logins = NO_LOGINS
    ) -> tuple[dict[str, Any], list[str]]:
        """The fields with references in place of what looks like a credential, and what each secret must hold."""
        login, netrc, proxy_login = logins
        if has_expression(f"{login} {proxy_login}"):
            raise NotTakenOver("its login is computed at each run: secrets have fixed values")
        hints: list[str] = []
        headers = dict(call["headers"])
        key = f"basic {login}" if login is not None else f"netrc {netrc} {urlsplit(call['target_url']).hostname}"
        if (login or netrc) is not None and "authorization" not in {name.lower() for name in headers}:
            name = self.name_of(key, f"{prefix}-basic")
            headers["Authorization"] = f"Basic ${{secret:{name}}}"
            how = "what `printf %s 'USER:PASSWORD' | base64` prints for its user and password"
            which = "the login" if login is not None else "the login that a .netrc file has for the host"
            hints.append(f"{which} became ${{secret:{name}}}, which must hold {how}")
        call = call | {"headers": headers}
        if proxy_login is not None and "proxy" in call:
            user, _, password = proxy_login.partition(":")
            if password and not REFERENCE.fullmatch(password):
                name = self.name_of(f"proxy {proxy_login}", f"{prefix}-proxy")
                password = f"${{secret:{name}}}"
                hints.append(f"the password of the proxy became {password}, which must hold it")
            call["proxy"] = with_login(call["proxy"], user, password)
        fields = (*_WITH_CREDENTIALS, "auth") if "aws_sigv4" in call.get("auth", {}) else _WITH_CREDENTIALS
        for field_name, shown in masked({name: call[name] for name in fields if name in call}).items():
            call[field_name] = self._replaced(call[field_name], shown, (field_name,), prefix, hints)
        return call | {"headers": call["headers"] or None}, hints

    def _replaced(self, value: Any, shown: Any, loc: tuple[str, ...], prefix: str, hints: list[str]) -> Any:
        """The value with a reference wherever `shown` has the mask."""
        if value == shown:
            return value
        if type(value) is not type(shown):
            raise NotTakenOver(f"the credential in {'.'.join(loc)} is not a string, so no reference can replace it")
        if isinstance(value, dict):
            return {key: self._replaced(one, shown[key], (*loc, key), prefix, hints) for key, one in value.items()}
        if isinstance(value, list):
            pairs = zip(value, shown, strict=True)
            return [self._replaced(one, other, loc, prefix, hints) for one, other in pairs]
        parts = shown.split(MASK)
        found = _between(parts, value)
        if found is None:
            raise NotTakenOver(f"a credential in {'.'.join(loc)} can't be separated from the text around it")
        written = parts[0]
        for literal, part in zip(found, parts[1:], strict=True):
            is_path = loc[0] == "target_url" and "?" not in written
            decode = unquote if is_path else unquote_plus if loc in _ENCODED else str
            pieces = literal.split("/") if is_path else [literal]
            written += "/".join(self._reference(piece, decode, loc, prefix, hints) for piece in pieces) + part
        return written

    def _reference(
        self, literal: str, decode: Callable[[str], str], loc: tuple[str, ...], prefix: str, hints: list[str]
    ) -> str:
        """A reference that replaces the text. In URLs and forms, the secret holds the decoded value."""
        if has_expression(literal):
            raise NotTakenOver(f"a credential in {'.'.join(loc)} is computed at each run: secrets have fixed values")
        value = decode(literal)
        name = self.name_of(value, f"{prefix}-{ascii_name(loc[-1].lower().removeprefix('target_')) or 'value'}")
        decoded = " without its percent-encoding" if value != literal else ""
        hints.append(f"a credential in {'.'.join(loc)} became ${{secret:{name}}}, which must hold its value{decoded}")
        return f"${{secret:{name}}}"

    def of_variable(self, name: str, value: str | None) -> str:
        """The secret for a variable of a crontab with this value; `None` where nothing sets it."""
        return self.name_of(f"unset {name}" if value is None else value, ascii_name(name) or "value")

    def of_file(self, path: str) -> str:
        """The secret for the content of a file."""
        return self.name_of(f"file {path}", ascii_name(path.rpartition("/")[2]) or "file")

    def name_of(self, value: str, wished: str) -> str:
        """The secret that holds this value; a new one gets the wished name, or that with a number."""
        if value not in self.names:
            self.names[value] = self.free.take(wished)
        return self.names[value]
