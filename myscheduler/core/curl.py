"""What a curl command line calls. `curl --help all` names the options; those that are not here are refused."""

import re
from collections.abc import Sequence
from urllib.parse import quote_plus

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
    "#": "progress-bar", "0": "http1.0", "1": "tlsv1", "2": "sslv2", "3": "sslv3", "4": "ipv4", "6": "ipv6",
    "A": "user-agent", "B": "use-ascii", "C": "continue-at", "D": "dump-header", "E": "cert", "F": "form", "G": "get",
    "H": "header", "I": "head", "J": "remote-header-name", "K": "config", "L": "location", "M": "manual",
    "N": "no-buffer", "O": "remote-name", "P": "ftp-port", "Q": "quote", "R": "remote-time", "S": "show-error",
    "T": "upload-file", "U": "proxy-user", "V": "version", "X": "request", "Y": "speed-limit", "Z": "parallel",
    "a": "append", "b": "cookie", "c": "cookie-jar", "d": "data", "e": "referer", "f": "fail", "g": "globoff",
    "h": "help", "i": "include", "j": "junk-session-cookies", "k": "insecure", "l": "list-only", "m": "max-time",
    "n": "netrc", "o": "output", "p": "proxytunnel", "q": "disable", "r": "range", "s": "silent", "t": "telnet-option",
    "u": "user", "v": "verbose", "w": "write-out", "x": "proxy", "y": "speed-time", "z": "time-cond", ":": "next",
}  # fmt: skip
_DATA = frozenset({"data", "data-ascii", "data-binary", "data-raw", "data-urlencode", "json", "url-query"})
_HARMLESS = frozenset({
    "basic", "compressed", "create-dirs", "disable", "dump-header", "fail", "fail-early", "fail-with-body", "globoff",
    "http1.0", "http1.1", "http2", "http2-prior-knowledge", "include", "ipv4", "ipv6", "keepalive-time",
    "no-alpn", "no-buffer", "no-keepalive", "no-npn", "no-progress-meter", "no-sessionid", "output-dir", "path-as-is",
    "progress-bar", "remote-header-name", "remote-time", "remove-on-error", "retry-connrefused", "show-error",
    "show-headers", "silent", "stderr", "styled-output", "no-styled-output", "tcp-fastopen", "tcp-nodelay", "tls-max",
    "tlsv1", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3", "trace", "trace-ascii", "trace-time", "use-ascii", "verbose",
    "write-out",
})  # fmt: skip
"""They change what a person sees, or nothing that counts here: an answer other than 2xx is a failure anyway."""
_LOST = {
    "cookie-jar": "the cookies of the answer are not kept",
    "connect-timeout": "there is no time limit for connecting alone: timeout_sec counts for the whole attempt",
    "insecure": "certificates are always checked: a target without a valid one fails",
    "junk-session-cookies": "the cookies of the answer are not kept",
    "limit-rate": "the speed is not limited",
    "location": "redirects are not followed: a 3xx is a failure, so write the URL that it leads to",
    "location-trusted": "redirects are not followed: a 3xx is a failure, so write the URL that it leads to",
    "max-filesize": "the size of the answer is not limited",
    "max-redirs": "redirects are not followed: a 3xx is a failure",
    "noproxy": "no proxy is used",
    "post301": "redirects are not followed: a 3xx is a failure",
    "post302": "redirects are not followed: a 3xx is a failure",
    "post303": "redirects are not followed: a 3xx is a failure",
    "preproxy": "no proxy is used: the service calls the target itself",
    "proxy": "no proxy is used: the service calls the target itself",
    "proxy-header": "no proxy is used: the service calls the target itself",
    "proxy-user": "no proxy is used: the service calls the target itself",
    "proxytunnel": "no proxy is used: the service calls the target itself",
    "output": TO_A_FILE,
    "remote-name": TO_A_FILE,
    "remote-name-all": TO_A_FILE,
    "retry-all-errors": "only a 5xx and missing answers are tried again, a 4xx is final",
    "retry-max-time": "the time of all attempts together is not limited",
    "speed-limit": "a slow answer is cut off by timeout_sec only",
    "speed-time": "a slow answer is cut off by timeout_sec only",
}
_REFUSED = {
    "anyauth": "only Basic logins can be taken over",
    "aws-sigv4": "a request that is signed can't be taken over",
    "cacert": "the service knows the certificate authorities of its own machine only (--cacert)",
    "cert": "client certificates are not supported (--cert)",
    "config": "its options stand in a file (-K)",
    "connect-to": "the service asks the DNS for the target (--connect-to)",
    "digest": "only Basic logins can be taken over",
    "form": "a form of several parts (-F) can't be written as a body",
    "form-string": "a form of several parts (-F) can't be written as a body",
    "key": "client certificates are not supported (--key)",
    "negotiate": "only Basic logins can be taken over",
    "netrc": "its login stands in a file (--netrc)",
    "netrc-file": "its login stands in a file (--netrc)",
    "netrc-optional": "its login stands in a file (--netrc)",
    "next": "makes several calls (--next): one job makes one",
    "ntlm": "only Basic logins can be taken over",
    "parallel": "makes several calls (-Z): one job makes one",
    "resolve": "the service asks the DNS for the target (--resolve)",
    "time-cond": "a call that depends on a file's age (-z) can't be taken over",
    "unix-socket": "a socket of the machine can't be called",
    "upload-file": "sends a file (-T): a manifest holds its body itself",
}
_WITH_VALUE = _DATA | frozenset({
    "aws-sigv4", "cacert", "cert", "config", "connect-timeout", "connect-to", "continue-at", "cookie", "cookie-jar",
    "dump-header", "form", "form-string", "ftp-port", "header", "keepalive-time", "key", "limit-rate", "max-filesize",
    "max-redirs", "max-time", "netrc-file", "noproxy", "oauth2-bearer", "output", "output-dir", "preproxy", "proxy",
    "proxy-header", "proxy-user", "quote", "range", "referer", "request", "resolve", "retry", "retry-delay",
    "retry-max-time", "speed-limit", "speed-time", "stderr", "telnet-option", "time-cond", "tls-max", "trace",
    "trace-ascii", "unix-socket", "upload-file", "url", "user", "user-agent", "write-out",
})  # fmt: skip
_SEVERAL = re.compile(r"\{[^{}]*,[^{}]*\}|\[[0-9a-z]+-[0-9a-z]+(:\d+)?\]", re.IGNORECASE)


def read_curl(words: Sequence[str], stdin: str | None = None) -> WebCall:
    """The call that the arguments of curl make; `stdin` is what it reads where they say so. Raises `NotTakenOver`."""
    call = WebCall()
    is_glob = True
    for name, value in arguments(words, short=_SHORT, with_value=_WITH_VALUE, equals=False):
        is_glob = is_glob and name != "globoff"
        if name in {"", "url"}:
            call.urls.append(value)
        elif name in _DATA:
            _add_data(call, name, value, stdin)
        else:
            _apply(call, name, value)
    if is_glob and any(_SEVERAL.search(url) for url in call.urls):
        raise NotTakenOver("calls several URLs, one for each value in { } or [ ]: one job makes one call")
    return call


_AS_HEADER = {
    "oauth2-bearer": ("Authorization", "Bearer "),
    "range": ("Range", "bytes="),
    "referer": ("Referer", ""),
    "user-agent": ("User-Agent", ""),
}
"""Options that are another way to write a header."""


def _apply(call: WebCall, name: str, value: str) -> None:
    match name:
        case "request":
            call.method = value
        case "head":
            call.method = call.method or "HEAD"
        case "get":
            call.is_query = True
        case "header":
            _add_header(call, value)
        case "user":
            call.login = value
        case "max-time":
            call.limit(seconds(value, "-m"))
        case "retry":
            call.max_retries = count(value, "--retry")
        case "retry-delay":
            call.retry_backoff_sec = seconds(value, "--retry-delay")
            call.warn("the wait before a retry is doubled for each further one (retry_backoff_sec)")
        case _:
            _apply_other(call, name, value)


def _apply_other(call: WebCall, name: str, value: str) -> None:
    if name in _AS_HEADER:
        header, start = _AS_HEADER[name]
        call.set_header(header, start + value)
    elif name == "cookie":
        if "=" not in value:
            raise NotTakenOver("its cookies stand in a file (-b)")
        call.set_header("Cookie", value)
    elif name == "output" and value in NO_FILES:
        pass
    elif name in _LOST:
        call.warn(_LOST[name])
    elif name in _REFUSED:
        raise NotTakenOver(_REFUSED[name])
    elif name not in _HARMLESS and name.removeprefix("no-") not in _HARMLESS:
        raise unknown_option(name)


def _add_header(call: WebCall, line: str) -> None:
    """`Name: value`; `Name;` is an empty one, and `Name:` leaves out one that curl would send by itself."""
    if line.startswith("@"):
        raise NotTakenOver("its headers stand in a file (-H @)")
    name, colon, value = line.partition(":")
    if not colon:
        if not line.rstrip().endswith(";"):
            raise NotTakenOver("a header without a colon is none")
        name, value = line.rstrip()[:-1], ""
    elif not value.strip():
        if name.strip().lower() == "content-type":
            raise NotTakenOver("a body without a Content-Type can't be sent")
        return
    call.set_header(name.strip(), value.strip())


def _add_data(call: WebCall, name: str, value: str, stdin: str | None) -> None:
    match name:
        case "data-raw":
            call.data.append(value)
        case "data-urlencode":
            call.data.append(_encoded(value))
        case "url-query":
            call.query.append(value[1:] if value.startswith("+") else _encoded(value))
        case "json":
            call.data[-1:] = [(call.data[-1] if call.data else "") + _read(value, stdin)]
            call.set_default("Content-Type", "application/json")
            call.set_default("Accept", "application/json")
        case "data-binary":
            call.data.append(_read(value, stdin))
        case _:
            text = _read(value, stdin)
            call.data.append(re.sub(r"[\r\n\0]", "", text) if value.startswith("@") else text)


def _read(value: str, stdin: str | None) -> str:
    if not value.startswith("@"):
        return value
    if value != "@-":
        raise NotTakenOver("its body stands in a file (@): write it into the manifest")
    if stdin is None:
        raise NotTakenOver("its body comes out of another command (@-): write it into the manifest")
    return stdin


def _encoded(value: str) -> str:
    """As `--data-urlencode` does: `name=content`, `=content` or `content`, of which the content is encoded."""
    name, equals, content = value.partition("=")
    if not equals:
        name, content = "", value
    if "@" in value and not equals:
        raise NotTakenOver("its body stands in a file (@): write it into the manifest")
    return f"{name}{'=' if name else ''}{_quote(content)}"


def _quote(text: str) -> str:
    """Encoded for a form, all but references to secrets."""
    pieces = re.split(r"(?<!\$)(\$\{secret:[^}]*\})", text)
    return "".join(
        piece if number % 2 else quote_plus(piece.replace("$${", "${")) for number, piece in enumerate(pieces)
    )
