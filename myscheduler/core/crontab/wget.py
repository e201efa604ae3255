"""Parses wget command lines."""

import re
from collections.abc import Sequence
from urllib.parse import quote

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.shell_text import as_manifest_text
from myscheduler.core.crontab.web_call import (
    NO_FILES,
    TO_A_FILE,
    ReferenceTo,
    WebCall,
    arguments,
    count,
    outside_references,
    seconds,
    unknown_option,
    warn_of_line_break,
)

_SHORT = {
    "4": "inet4-only", "6": "inet6-only", "E": "adjust-extension", "F": "force-html", "H": "span-hosts",
    "K": "backup-converted", "L": "relative", "N": "timestamping", "O": "output-document", "P": "directory-prefix",
    "Q": "quota", "S": "server-response", "T": "timeout", "U": "user-agent", "V": "version", "a": "append-output",
    "b": "background", "c": "continue", "d": "debug", "e": "execute", "i": "input-file", "k": "convert-links",
    "l": "level", "m": "mirror", "nH": "no-host-directories", "nc": "no-clobber", "nd": "no-directories",
    "np": "no-parent", "nv": "no-verbose", "o": "output-file", "p": "page-requisites", "q": "quiet", "r": "recursive",
    "t": "tries", "v": "verbose", "w": "wait", "x": "force-directories",
}  # fmt: skip
_HARMLESS = frozenset({
    "adjust-extension", "append-output", "auth-no-challenge", "background", "backup-converted", "backups", "ciphers",
    "content-disposition", "content-on-error", "convert-links", "cut-dirs", "debug", "default-page",
    "directory-prefix", "force-directories", "https-only", "ignore-length", "inet4-only", "inet6-only",
    "keep-session-cookies", "level", "local-encoding", "no-config", "no-cookies", "no-directories", "no-dns-cache",
    "no-glob", "no-host-directories", "no-hsts", "no-http-keep-alive", "no-if-modified-since", "no-iri", "no-netrc",
    "no-parent", "no-passive-ftp", "no-remove-listing", "no-use-server-timestamps", "no-verbose", "output-file",
    "prefer-family", "preserve-permissions", "progress", "protocol-directories", "quiet", "quota", "random-wait",
    "report-speed", "restrict-file-names", "retry-connrefused", "save-headers", "secure-protocol", "server-response",
    "show-progress", "trust-server-names", "unlink", "verbose", "wait", "xattr",
})  # fmt: skip
"""Options that change only the output or the names of files, or nothing where one URL is fetched once."""
_WITH_VALUE = frozenset({
    "append-output", "backups", "base", "bind-address", "body-data", "body-file", "ca-certificate", "ca-directory",
    "certificate", "certificate-type", "ciphers", "compression", "connect-timeout", "cut-dirs", "default-page",
    "directory-prefix", "dns-timeout", "execute", "header", "http-passwd", "http-password", "http-user", "input-file",
    "level", "limit-rate", "load-cookies", "local-encoding", "max-redirect", "method", "output-document", "output-file",
    "password", "post-data", "post-file", "prefer-family", "private-key", "private-key-type", "progress",
    "proxy-password", "proxy-user", "quota", "read-timeout", "referer", "report-speed", "restrict-file-names",
    "retry-on-http-error", "save-cookies", "secure-protocol", "timeout", "tries", "user", "user-agent", "wait",
    "waitretry",
})  # fmt: skip
_LOST = {
    "bind-address": "the local address of the connection can't be chosen",
    "dns-timeout": "there is no time limit for the DNS alone: connect_timeout_sec limits the whole connection",
    "limit-rate": "the speed is not limited",
    "save-cookies": "the cookies of the answer are not kept",
    "waitretry": "the wait before a retry is retry_backoff_sec, which doubles with each retry (--waitretry)",
}
_REFUSED = {
    "ca-directory": "the authorities that it trusts are in a folder (--ca-directory): write their certificates into "
    "tls.ca",
    "certificate-type": "client certificates have to be in PEM (--certificate-type)",
    "continue": "continues a partial download (-c)",
    "input-file": "its URLs are in a file (-i)",
    "load-cookies": "its cookies are in a file (--load-cookies)",
    "mirror": "follows the links of pages (-m): one job makes one call",
    "no-clobber": "calls that depend on whether a file exists are not supported (-nc)",
    "page-requisites": "follows the links of pages (-p): one job makes one call",
    "private-key-type": "the keys of client certificates have to be in PEM (--private-key-type)",
    "recursive": "follows the links of pages (-r): one job makes one call",
    "timestamping": "calls that depend on the age of a file are not supported (-N)",
}
_NOT_SENT = frozenset({"append-output", "directory-prefix", "output-document", "output-file", "save-cookies"})
"""Options whose values the target never sees, so that they may contain shell code."""


def read_wget(words: Sequence[str], reference_to: ReferenceTo) -> WebCall:
    """The call that these arguments of wget make. Raises `NotTakenOver`."""
    call = WebCall()
    login: dict[str, str] = {}
    given: dict[str, str] = {}
    for name, written in arguments(words, short=_SHORT, with_value=_WITH_VALUE, equals=True):
        value = written if name in _NOT_SENT else as_manifest_text(written)
        given[name] = value
        if name in {"user", "http-user"}:
            login["user"] = value
        elif name in {"password", "http-password", "http-passwd"}:
            login["password"] = value
        else:
            _apply(call, name, value, reference_to)
    call.urls = [outside_references(url, _as_wget_sends) for url in call.urls]
    if login:
        call.login = f"{login.get('user', '')}:{login.get('password', '')}"
        if "auth-no-challenge" not in given:
            call.warn("the login is sent with the first request: wget waits until the target asks for it")
    call.fails_by_status = True
    _reach(call, given, reference_to)
    _warn_of_files(call, given)
    _warn_of_defaults(call, given)
    return call


def _warn_of_files(call: WebCall, given: dict[str, str]) -> None:
    file = given.get("output-document")
    if file not in NO_FILES and not given.keys() & {"spider", "delete-after"}:
        call.warn(TO_A_FILE)
        call.files |= {file} if file else set()


_ENDLESS = frozenset({"0", "inf"})


def _warn_of_defaults(call: WebCall, given: dict[str, str]) -> None:
    """Warn of what wget does by default: it tries 20 times."""
    tries = given.get("tries", "20")
    if "tries" in given and tries not in _ENDLESS:
        if (retries := count(tries, "--tries") - 1) > 0:
            call.max_retries = retries
            call.warn("a 5xx, a timeout and a failed connection are retried: wget retries what breaks off (-t)")
        return
    again = "retries without end" if tries in _ENDLESS else "tries 20 times"
    call.warn(f"wget {again} what breaks off: for a job, set max_retries")


_PROXY = re.compile(r"\s*(use|https?)_proxy\s*=\s*(.*?)\s*", re.DOTALL)


def _reach(call: WebCall, given: dict[str, str], reference_to: ReferenceTo) -> None:
    """Apply the options that say how the target is reached. By default, wget follows 20 redirects."""
    reaching = call.reaching
    reaching.follows = True
    reaching.redirects(count(given.get("max-redirect", "20"), "--max-redirect"))
    reaching.is_insecure = "no-check-certificate" in given
    for name in ("ca", "certificate", "key"):
        if option := given.get({"ca": "ca-certificate", "key": "private-key"}.get(name, name)):
            setattr(reaching, name, reference_to(option))
    if "connect-timeout" in given:
        reaching.connect_timeout_sec = seconds(given["connect-timeout"], "--connect-timeout")
    if "no-proxy" in given:
        reaching.proxies[""] = ""
    elif user := given.get("proxy-user"):
        reaching.proxy_login = f"{user}:{given.get('proxy-password', '')}"


_UNSAFE = re.compile(r"%(?![0-9A-Fa-f]{2})|[^!-~]|[\"<>\\^`{|}]")


def _as_wget_sends(url: str) -> str:
    """The URL with characters that are not allowed in one percent-encoded."""
    return _UNSAFE.sub(lambda found: quote(found[0], safe=""), url.replace("$${", "${")).replace("${", "$${")


def _apply(call: WebCall, name: str, value: str, reference_to: ReferenceTo) -> None:
    match name:
        case "":
            call.urls.append(value)
        case "spider":
            call.method = "HEAD"
        case "method":
            call.method = value.upper()
        case "post-data" | "body-data":
            call.data = [value]
        case "post-file" | "body-file":
            call.data, call.has_file = [reference_to(value)], True
            warn_of_line_break(call)
        case "header":
            _add_header(call, value)
        case "timeout" | "read-timeout":
            limit = seconds(value, f"--{name}")
            call.limit(limit)
            if limit:
                call.warn("timeout_sec limits the whole attempt: wget's limit is for each wait (-T)")
        case _:
            _apply_other(call, name, value)


def _add_header(call: WebCall, line: str) -> None:
    """Add a header. A later one replaces an earlier one of the same name; an empty line removes all."""
    header, colon, text = line.partition(":")
    if not line:
        call.lines.clear()
        return
    if not colon:
        raise NotTakenOver("a header has no colon")
    call.lines = [one for one in call.lines if one[0].lower() != header.strip().lower()]
    call.lines.append((header.strip(), text.strip()))


_KNOWN = frozenset({
    "ca-certificate", "certificate", "connect-timeout", "delete-after", "max-redirect", "no-check-certificate",
    "no-proxy", "output-document", "private-key", "proxy-password", "proxy-user", "tries",
})  # fmt: skip
"""Options that `read_wget` handles after it has read all of them."""


_AS_HEADERS = {"user-agent": ("User-Agent",), "referer": ("Referer",), "no-cache": ("Cache-Control", "Pragma")}
"""Options that set headers."""


def _apply_other(call: WebCall, name: str, value: str) -> None:
    if name in _AS_HEADERS:
        call.others |= dict.fromkeys(_AS_HEADERS[name], "no-cache" if name == "no-cache" else value)
    elif name in _LOST:
        call.warn(_LOST[name])
    elif name in _REFUSED:
        raise NotTakenOver(_REFUSED[name])
    elif name == "execute" and re.fullmatch(r"\s*robots\s*=\s*\w+\s*", value):
        return
    elif name == "execute" and (found := _PROXY.fullmatch(value)):
        _set_proxy(call, found[1], found[2])
    elif name == "compression" and value != "none":
        call.warn("a compressed answer is not requested: to do so, set the header Accept-Encoding")
    elif name == "compression" or (name == "retry-on-http-error" and all(one[:1] == "5" for one in value.split(","))):
        return
    elif name not in _HARMLESS | _KNOWN:
        raise unknown_option(name, " of wget")


def _set_proxy(call: WebCall, name: str, value: str) -> None:
    """Apply `-e http_proxy=…` and its like."""
    if name == "use" and value.lower() in {"no", "off", "0"}:
        call.reaching.proxies[""] = ""
    elif name != "use":
        call.reaching.proxies[name] = value
