"""What a wget command line calls."""

from collections.abc import Sequence

from myscheduler.core.web_call import (
    NO_FILES,
    TO_A_FILE,
    NotTakenOver,
    WebCall,
    arguments,
    count,
    seconds,
    unknown_option,
)

_SHORT = {
    "4": "inet4-only", "6": "inet6-only", "O": "output-document", "P": "directory-prefix", "S": "server-response",
    "T": "timeout", "U": "user-agent", "a": "append-output", "b": "background", "d": "debug", "e": "execute",
    "o": "output-file", "q": "quiet", "t": "tries", "v": "verbose", "w": "wait",
}  # fmt: skip
_HARMLESS = frozenset({
    "append-output", "background", "content-on-error", "debug", "inet4-only", "inet6-only", "no-cache", "no-verbose",
    "output-document",
    "output-file", "quiet", "server-response", "verbose", "show-progress", "progress", "no-hsts",
})  # fmt: skip
_WITH_VALUE = frozenset({
    "append-output", "body-data", "connect-timeout", "directory-prefix", "execute", "header", "http-password",
    "http-user", "method", "output-document", "output-file", "password", "post-data", "progress", "read-timeout",
    "dns-timeout", "referer", "timeout", "tries", "user", "user-agent", "wait", "waitretry", "post-file", "body-file",
})  # fmt: skip
_LOST = {
    "connect-timeout": "there is no time limit for connecting alone: timeout_sec counts for the whole attempt",
    "dns-timeout": "there is no time limit for the DNS alone: timeout_sec counts for the whole attempt",
    "max-redirect": "redirects are not followed: a 3xx is a failure",
    "no-check-certificate": "certificates are always checked: a target without a valid one fails",
    "no-proxy": "no proxy is used",
    "wait": "the waits of wget are not kept",
    "waitretry": "the waits of wget are not kept",
}


def read_wget(words: Sequence[str]) -> WebCall:
    """The call that the arguments of wget make. Raises `NotTakenOver`."""
    call = WebCall()
    login: dict[str, str] = {}
    is_kept = True
    for name, value in arguments(_two_letters(words), short=_SHORT, with_value=_WITH_VALUE, equals=True):
        is_kept = is_kept and name != "spider" and not (name == "output-document" and value in NO_FILES)
        if name in {"user", "http-user"}:
            login["user"] = value
        elif name in {"password", "http-password"}:
            login["password"] = value
        else:
            _apply(call, name, value)
    if login:
        call.login = f"{login.get('user', '')}:{login.get('password', '')}"
    if is_kept:
        call.warn(TO_A_FILE)
    return call


def _two_letters(words: Sequence[str]) -> list[str]:
    """Options of two letters by their long names."""
    return [{"-nv": "--no-verbose", "-nc": "--no-clobber", "-nd": "--no-directories"}.get(word, word) for word in words]


def _apply(call: WebCall, name: str, value: str) -> None:
    match name:
        case "":
            call.urls.append(value)
        case "spider":
            call.method = "HEAD"
        case "method":
            call.method = value
        case "post-data" | "body-data":
            call.data.append(value)
        case "header":
            header, _, text = value.partition(":")
            call.set_header(header.strip(), text.strip())
        case "user-agent" | "referer":
            call.set_header(name.title(), value)
        case "timeout" | "read-timeout":
            call.limit(seconds(value, f"--{name}"))
        case "tries":
            call.max_retries = max(count(value, "--tries") - 1, 0)
        case _:
            _judge(call, name)


def _judge(call: WebCall, name: str) -> None:
    if name in {"post-file", "body-file"}:
        raise NotTakenOver("its body stands in a file: write it into the manifest")
    if name in _LOST:
        call.warn(_LOST[name])
    elif name not in _HARMLESS:
        raise unknown_option(name, " of wget")
