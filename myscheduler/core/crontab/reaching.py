"""How a curl or wget command reaches its target: redirects, certificates, proxies, time limits of connections."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlsplit

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.job.transport import MOST_REDIRECTS

USUAL_TIMEOUT = 30
NEEDS_POLICY = (
    "the certificate of the target is not checked (verify: false): validate refuses that unless policy.yaml has its "
    "host in allow_insecure_tls; better is tls.ca, with the authority of the target"
)
_OTHER_ORIGIN = "after a redirect to https, certificates are checked again"
_NO_SOCKS = "no proxy is used: only proxies of HTTP are supported"


@dataclass(slots=True)
class Reaching:
    """What the options say; `fields` turns it into fields of a manifest."""

    follows: bool = False
    most_redirects: int = MOST_REDIRECTS
    is_insecure: bool = False
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    proxies: dict[str, str] = field(default_factory=dict)
    """By the scheme of the URLs that they are for; an empty scheme is any."""
    proxy_port: int = 80
    """The port of a proxy that names none."""
    proxy_login: str | None = None
    """`user:password`."""
    unproxied: str = ""
    """Hosts for which no proxy is used, with commas."""
    connect_timeout_sec: float | None = None
    warnings: list[str] = field(default_factory=list)

    def use_environment(self, values: Mapping[str, str]) -> None:
        """Take the proxies that variables name, where the command line names none."""
        if "" not in self.proxies:
            found = {"http": "http_proxy", "https": "https_proxy"}
            named = {scheme: values.get(name) or values.get("all_proxy") for scheme, name in found.items()}
            self.proxies = {scheme: proxy for scheme, proxy in named.items() if proxy} | self.proxies
        self.unproxied = self.unproxied or values.get("no_proxy", "")

    def redirects(self, most: int) -> None:
        """Follow at most so many; a negative number is no limit."""
        self.most_redirects = most if 0 <= most <= MOST_REDIRECTS else MOST_REDIRECTS

    def fields(self, url: str, timeout_sec: float | None) -> dict[str, Any]:
        """The fields of a manifest, without those that have no effect. Adds to `warnings`."""
        found: dict[str, Any] = {}
        if self.follows and self.most_redirects:
            found["follow_redirects"] = self.most_redirects
        limit = self.connect_timeout_sec
        if limit and limit < (timeout_sec or USUAL_TIMEOUT):
            found["connect_timeout_sec"] = limit
        return found | self._tls(url, follows="follow_redirects" in found) | self._proxy(url)

    def _tls(self, url: str, *, follows: bool) -> dict[str, Any]:
        is_plain = url.lower().startswith("http:")
        if is_plain and self.is_insecure and follows:
            self.warnings.append(_OTHER_ORIGIN)
        if is_plain and not (follows and self.ca):
            return {}
        certificate, key = self.certificate, self.key or self.certificate
        if self.key and not certificate:
            raise NotTakenOver("has the key of a client certificate, but no certificate")
        tls = {"ca": self.ca, "certificate": certificate, "key": key}
        found: dict[str, Any] = {name: text for name, text in tls.items() if text} if not is_plain else {"ca": self.ca}
        if self.is_insecure and not is_plain:
            found.pop("ca", None)  # nothing is checked by it
            found["verify"] = False
            self.warnings.append(NEEDS_POLICY)
        return {"tls": found} if found else {}

    def _proxy(self, url: str) -> dict[str, Any]:
        target = urlsplit(url)
        proxy = self.proxies.get("", self.proxies.get(target.scheme.lower(), ""))
        if not proxy or _is_among(target.hostname or "", self.unproxied):
            return {}
        written = proxy if "://" in proxy else f"http://{proxy}"
        try:
            parts = urlsplit(written)
            port = parts.port or self.proxy_port
        except ValueError:
            raise NotTakenOver("its proxy can't be read") from None
        if parts.scheme.lower() != "http":
            self.warnings.append(_NO_SOCKS)
            return {}
        login, at, host = parts.netloc.rpartition("@")
        if at and self.proxy_login is None:
            self.proxy_login = login
        host = host if parts.port else f"{host}:{port}"
        return {"proxy": f"http://{host}"}


def with_login(proxy: str, user: str, password: str) -> str:
    """The proxy with a user, and a reference to its password."""
    return f"http://{quote(user, safe='')}:{password}@{proxy.removeprefix('http://')}"


def _is_among(host: str, names: str) -> bool:
    return any(host == name or host.endswith(f".{name}") or name == "*" for name in _names(names))


def _names(names: str) -> Iterator[str]:
    for name in names.split(","):
        if text := name.strip().removeprefix(".").lower():
            yield text
