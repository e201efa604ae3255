"""Parses curl command lines. `curl --help all` lists the options; those that are not named here are refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.markers import percent_encoded
from myscheduler.core.crontab.multipart import part_of
from myscheduler.core.crontab.reaching import Reaching
from myscheduler.core.crontab.shell_text import as_manifest_text
from myscheduler.core.crontab.web_call import (
    NO_FILES,
    TO_A_FILE,
    Input,
    ReferenceTo,
    WebCall,
    arguments,
    count,
    outside_references,
    seconds,
    unknown_option,
    warn_of_line_break,
)
from myscheduler.core.manifest.retry_fields import LONGEST_TOTAL

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
    "basic", "ciphers", "create-dirs", "create-file-mode", "curves", "disable", "dump-header", "expect100-timeout",
    "fail-early", "globoff", "happy-eyeballs-timeout-ms", "http0.9", "http1.0", "http1.1", "http2",
    "http2-prior-knowledge", "http3", "include", "ipv4", "ipv6", "keepalive-time", "no-alpn", "no-buffer",
    "no-compressed", "no-keepalive", "no-npn", "no-progress-meter", "no-sessionid", "no-styled-output", "output-dir",
    "parallel", "parallel-immediate", "parallel-max", "progress-bar", "proto", "proto-default", "proto-redir",
    "remote-header-name", "remote-time", "remove-on-error", "retry-connrefused", "show-error", "show-headers", "silent",
    "ssl", "ssl-no-revoke", "ssl-reqd", "stderr", "styled-output", "tcp-fastopen", "tcp-nodelay", "tls-max",
    "tls13-ciphers", "tlsv1", "tlsv1.0", "tlsv1.1", "tlsv1.2", "tlsv1.3", "trace", "trace-ascii", "trace-time",
    "use-ascii", "verbose", "write-out",
})  # fmt: skip
"""Options that change only the output, or nothing for a job: a response other than 2xx is a failure anyway."""
_NO_SOCKS = "no proxy is used: only proxies of HTTP are supported"
_LOST = {
    "compressed": "a compressed answer is not requested: to do so, set the header Accept-Encoding",
    "cookie-jar": "the cookies of the answer are not kept",
    "dns-interface": "the DNS settings of the service are used",
    "dns-servers": "the DNS settings of the service are used",
    "doh-url": "the DNS settings of the service are used",
    "interface": "the local address of the connection can't be chosen",
    "junk-session-cookies": "the cookies of the answer are not kept",
    "limit-rate": "the speed is not limited",
    "local-port": "the local port of the connection can't be chosen",
    "max-filesize": "the size of the answer is not limited",
    "path-as-is": "dots in the path (/../) are resolved before it is sent",
    "post301": "after a redirect by 301, POST becomes GET (--post301)",
    "post302": "after a redirect by 302, POST becomes GET (--post302)",
    "post303": "after a redirect by 303, POST becomes GET (--post303)",
    "preproxy": _NO_SOCKS,
    "proxy-header": "no header is sent to the proxy alone (--proxy-header)",
    "proxytunnel": "plain http is requested from the proxy, and only https is tunnelled (-p)",
    "socks4": _NO_SOCKS,
    "socks4a": _NO_SOCKS,
    "socks5": _NO_SOCKS,
    "socks5-hostname": _NO_SOCKS,
    "output": TO_A_FILE,
    "remote-name": TO_A_FILE,
    "remote-name-all": TO_A_FILE,
    "speed-limit": "a slow answer is ended only by timeout_sec",
    "speed-time": "a slow answer is ended only by timeout_sec",
}
_REFUSED = {
    "anyauth": "only Basic authentication is supported",
    "capath": "the authorities that it trusts are in a folder (--capath): write their certificates into tls.ca",
    "cert-type": "client certificates have to be in PEM (--cert-type)",
    "config": "its options are in a file (-K): write them into the line",
    "connect-to": "the address of the target always comes from the DNS (--connect-to)",
    "digest": "only Basic authentication is supported",
    "key-type": "the keys of client certificates have to be in PEM (--key-type)",
    "negotiate": "only Basic authentication is supported",
    "next": "makes several calls (--next): one job makes one",
    "ntlm": "only Basic authentication is supported",
    "pass": "the key of a client certificate must have no password (--pass): write it without one",
    "pinnedpubkey": "pinned certificates are not supported (--pinnedpubkey)",
    "resolve": "the address of the target always comes from the DNS (--resolve)",
    "time-cond": "calls that depend on the age of a file are not supported (-z)",
    "unix-socket": "Unix sockets are not supported (--unix-socket)",
    "upload-file": "sends a file (-T): write the body into the manifest",
}
_WITH_VALUE = _DATA | frozenset({
    "aws-sigv4", "cacert", "capath", "cert", "cert-type", "ciphers", "config", "connect-timeout", "connect-to",
    "continue-at", "cookie", "cookie-jar", "create-file-mode", "curves", "dns-interface", "dns-servers", "doh-url",
    "dump-header", "expect100-timeout", "form", "form-string", "ftp-port", "happy-eyeballs-timeout-ms", "header",
    "interface", "keepalive-time", "key", "key-type", "limit-rate", "local-port", "max-filesize", "max-redirs",
    "max-time", "netrc-file", "noproxy", "oauth2-bearer", "output", "output-dir", "parallel-max", "pass",
    "pinnedpubkey", "preproxy", "proto", "proto-default", "proto-redir", "proxy", "proxy-header", "proxy-user", "quote",
    "range", "referer", "request", "resolve", "retry", "retry-delay", "retry-max-time", "socks4", "socks4a", "socks5",
    "socks5-hostname", "speed-limit", "speed-time", "stderr", "telnet-option", "time-cond", "tls-max", "tls13-ciphers",
    "trace", "trace-ascii", "unix-socket", "upload-file", "url", "user", "user-agent", "write-out",
})  # fmt: skip
_SEVERAL = re.compile(r"(?<!\$)\{[^{},]*,[^{}]*\}|\[[0-9a-z]+-[0-9a-z]+(:\d+)?\]", re.IGNORECASE)
_NOT_SENT = frozenset({
    "cookie-jar", "dump-header", "output", "output-dir", "stderr", "trace", "trace-ascii", "write-out",
})  # fmt: skip
"""Options whose values the target never sees, so that they may contain shell code."""
_ALONE = re.compile(r"(?<!\$)\{([^{},]*)\}")


def read_curl(words: Sequence[str], stdin: Input, reference_to: ReferenceTo) -> WebCall:
    """The call that these arguments of curl make, with its standard input. Raises `NotTakenOver`."""
    call = _called(words, stdin, reference_to)
    _check(call)
    if call.netrc is not None and call.login is not None:
        call.netrc = None
    return call


def _called(words: Sequence[str], stdin: Input, reference_to: ReferenceTo) -> WebCall:
    call = WebCall(reaching=Reaching(proxy_port=1080))
    is_glob = True
    for name, written in arguments(words, short=_SHORT, with_value=_WITH_VALUE, equals=False):
        value = written if name in _NOT_SENT else as_manifest_text(written)
        is_glob = is_glob and name != "globoff"
        if name in {"", "url"}:
            call.urls.append(value)
        elif name in _DATA:
            _add_data(call, name, value, _Reading(stdin, reference_to))
        elif name in _REACHING:
            _reach(call, name, value, reference_to)
        else:
            _apply(call, name, value)
    if is_glob and any(_SEVERAL.search(url) for url in call.urls):
        raise NotTakenOver("calls several URLs, one for each value in { } or [ ]: one job makes one call")
    if is_glob:
        call.urls = [_ALONE.sub(r"\1", url) for url in call.urls]
    return call


def _check(call: WebCall) -> None:
    """Raise `NotTakenOver` for options that contradict each other; warn where a redirect is followed otherwise."""
    if call.is_head and call.data and not call.is_query:
        raise NotTakenOver("curl sends no request: -I and a body (-d) exclude each other")
    if "Range" in call.others and call.data and not call.is_query:
        raise NotTakenOver("sends a range of a body (-r)")
    if call.reaching.follows and (call.method or "GET").upper() not in {"GET", "HEAD"}:
        call.warn("after a redirect by 301 or 302 POST becomes GET, after 303 every method: curl keeps that of -X")


_AS_HEADER = {
    "oauth2-bearer": ("Authorization", "Bearer "),
    "range": ("Range", "bytes="),
    "referer": ("Referer", ""),
    "user-agent": ("User-Agent", ""),
}
"""Options that set a header, with the start of its value."""


def _apply(call: WebCall, name: str, value: str) -> None:
    match name:
        case "request":
            call.method = value
        case "head":
            call.method, call.is_head = call.method or "HEAD", True
        case "get":
            call.is_query = True
        case "header":
            _add_header(call, value)
        case "user":
            call.login = _login(value)
        case "netrc" | "netrc-optional" | "netrc-file":
            call.netrc = value or call.netrc or "~/.netrc"
        case "form" | "form-string":
            call.parts.append(part_of(value, is_literal=name == "form-string"))
        case "max-time" | "retry" | "retry-all-errors" | "retry-delay" | "retry-max-time":
            _apply_time(call, name, value)
        case _:
            _apply_other(call, name, value)


_FILES = {"cacert": "ca", "cert": "certificate", "key": "key"}
"""Options that name a file with a certificate or a key, with the field of `tls`."""
_FLAGS = {
    "insecure": ("is_insecure", True), "location": ("follows", True), "location-trusted": ("follows", True),
    "no-insecure": ("is_insecure", False), "no-location": ("follows", False),
}  # fmt: skip
_REACHING = frozenset({*_FILES, *_FLAGS, "connect-timeout", "max-redirs", "noproxy", "proxy", "proxy-user"})


def _reach(call: WebCall, name: str, value: str, reference_to: ReferenceTo) -> None:
    """Apply an option that says how the target is reached."""
    reaching = call.reaching
    if name == "cert" and value.rpartition(":")[0]:
        raise NotTakenOver("the key of a client certificate must have no password (--cert FILE:PASSWORD)")
    if name == "location-trusted":
        call.warn("credentials are not sent to other hosts after a redirect (--location-trusted)")
    if name in _FILES:
        setattr(reaching, _FILES[name], reference_to(value))
    elif name in _FLAGS:
        setattr(reaching, *_FLAGS[name])
    elif name == "max-redirs":
        reaching.redirects(-1 if value.startswith("-") else count(value, "--max-redirs"))
    elif name == "connect-timeout":
        reaching.connect_timeout_sec = seconds(value, "--connect-timeout")
    elif name == "noproxy":
        reaching.unproxied = value
    elif name == "proxy":
        reaching.proxies[""] = value
    else:
        reaching.proxy_login = value


def _signed_for(value: str) -> tuple[str, str]:
    """The service and the region of `aws:amz:region:service`; empty where the host of the target names them."""
    provider, *rest = value.lower().split(":")
    if provider != "aws" or rest[:1] not in ([], ["amz"]) or len(rest) > 3:
        raise NotTakenOver("is signed for a provider other than AWS (--aws-sigv4)")
    region, service = [*rest[1:], "", ""][:2]
    return service, region


def _login(value: str) -> str:
    if ":" not in value and "${" not in value:
        raise NotTakenOver("its login has no password (-u): curl would prompt for it")
    return value


def _apply_time(call: WebCall, name: str, value: str) -> None:
    match name:
        case "max-time":
            call.limit(seconds(value, "-m"))
        case "retry-delay":
            call.retry_backoff_sec = seconds(value, "--retry-delay")
            call.warn("the wait before a retry doubles with each retry (retry_backoff_sec)")
        case "retry-max-time":
            limit = seconds(value, "--retry-max-time")
            call.retry |= {"max_total_sec": min(limit, LONGEST_TOTAL)} if limit else {}
        case "retry-all-errors":
            call.retry["statuses"] = ["400-999"]
        case _:
            call.max_retries = count(value, "--retry")
            if call.max_retries:
                call.warn("any 5xx and a failed connection are retried, too (--retry)")


def _apply_other(call: WebCall, name: str, value: str) -> None:
    if name in _AS_HEADER:
        header, start = _AS_HEADER[name]
        call.others[header] = start + value if value else ""
    elif name == "cookie":
        if value and "=" not in value:
            raise NotTakenOver("its cookies are in a file (-b)")
        call.cookies += [value] if value else []
    elif name == "aws-sigv4":
        call.signed_for = _signed_for(value)
    elif name in {"fail", "fail-with-body"}:
        call.fails_by_status = True
    elif name == "output" and value in NO_FILES:
        pass
    elif name in _LOST:
        call.warn(_LOST[name])
        call.files |= {value} if name == "output" else set()
    elif name in _REFUSED:
        raise NotTakenOver(_REFUSED[name])
    elif name not in _HARMLESS and name.removeprefix("no-") not in _HARMLESS:
        raise unknown_option(name)


def _add_header(call: WebCall, line: str) -> None:
    """`Name: value`; `Name;` has an empty value, and `Name:` removes a header that curl would send by itself."""
    if line.startswith("@"):
        raise NotTakenOver("its headers are in a file (-H @)")
    name, colon, value = line.partition(":")
    if not colon:
        if not line.rstrip().endswith(";"):
            raise NotTakenOver("a header has no colon")
        call.lines.append((line.rstrip()[:-1].strip(), ""))
    elif value.strip():
        call.lines.append((name.strip(), value.strip()))
    else:
        call.removed.add(name.strip().lower())


@dataclass(frozen=True, slots=True)
class _Reading:
    """Reads data that is not in the line: standard input and files."""

    stdin: Input
    reference_to: ReferenceTo

    def read(self, call: WebCall, value: str) -> str:
        """The text, or for `@file` the reference to its content."""
        return self.content(call, value[1:]) if value.startswith("@") else value

    def content(self, call: WebCall, path: str) -> str:
        if path == "-" and self.stdin.text is not None:
            return self.stdin.text
        file = self.stdin.file if path == "-" else path
        if file is None:
            raise NotTakenOver("its body is the output of another command (@-): write it into the manifest")
        if file == "/dev/null":
            return ""
        call.has_file = True
        return self.reference_to(file)


def _add_data(call: WebCall, name: str, value: str, reading: _Reading) -> None:
    match name:
        case "data-raw":
            call.data.append(value)
        case "data-urlencode":
            call.data.append(_encoded(call, value, reading))
        case "url-query":
            call.query.append(value[1:] if value.startswith("+") else _encoded(call, value, reading))
        case "json":
            call.data[-1:] = [(call.data[-1] if call.data else "") + reading.read(call, value)]
            call.others.setdefault("Content-Type", "application/json")
            call.others.setdefault("Accept", "application/json")
        case "data-binary":
            call.data.append(reading.read(call, value))
            warn_of_line_break(call)
        case _:
            text = reading.read(call, value)
            if call.has_file:
                call.warn("a file is sent without its line breaks (-d @): its secret must be one line")
            call.data.append(re.sub(r"[\r\n\0]", "", text) if value.startswith("@") else text)


def _encoded(call: WebCall, value: str, reading: _Reading) -> str:
    """Encode as `--data-urlencode` does: the content of `name=content`, `=content`, `content` or `name@file`."""
    sign = "=" if "=" in value else "@"
    name, found, content = value.partition(sign)
    if not found:
        name, content = "", value
    elif sign == "@":
        has_file = call.has_file
        content = reading.content(call, content)
        call.has_file, call.needs_form = has_file, True  # in a form, the service encodes the value of a secret
    return f"{name}{'=' if name else ''}{_quote(content)}"


def _quote(text: str) -> str:
    """Encode for a form everything except references to secrets."""
    return percent_encoded(outside_references(text, lambda piece: quote_plus(piece.replace("$${", "${"))))
