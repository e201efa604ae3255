"""Hosts of URLs: the name as it is looked up, and patterns that it is compared with.

Who decides about a host and who calls it have to mean the same, so both read it here.
"""

import re
from urllib.parse import urlsplit

import idna

_PATTERN = re.compile(r"(?:\*\.)?[^\s/?#@*\\]+")
_PORTS = {"http": 80, "https": 443}


def looked_up(name: str) -> str:
    """The host name as it is looked up; raises `ValueError` (`idna.IDNAError`).

    What looks like an international name has to be one.
    """
    if not name.isascii():
        return idna.encode(name, uts46=True).decode("ascii")
    if "xn--" in name:
        idna.decode(name)
    return name


def target_of(url: str) -> str:
    """`host:port` of the server that a call of the URL goes to; raises `ValueError` where there is none."""
    parts = urlsplit(url)
    port = parts.port or _PORTS.get(parts.scheme)
    if not parts.hostname or port is None:
        raise ValueError("the URL names no host")
    return _joined(looked_up(parts.hostname), port)


def is_host_pattern(pattern: str) -> bool:
    """The text is a host, `host:port`, or one of them behind `*.`."""
    if _PATTERN.fullmatch(pattern) is None:
        return False
    try:
        host, _ = _split(pattern.removeprefix("*."))
    except ValueError:
        return False
    return bool(host)


def matches_host(pattern: str, target: str) -> bool:
    """Whether `target`, as `target_of` gives it, is meant by the pattern."""
    host, port = _split(target)
    wanted, wanted_port = _split(pattern.removeprefix("*."))
    if wanted_port not in {None, port}:
        return False
    return host.endswith(f".{wanted}") if pattern.startswith("*.") else host == wanted


def _split(text: str) -> tuple[str, int | None]:
    parts = urlsplit(f"//{text}")
    return looked_up(parts.hostname or "").removesuffix("."), parts.port


def _joined(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
