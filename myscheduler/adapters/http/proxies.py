"""The proxy that a call goes through: the job's own, or the one in the environment of the service."""

from urllib.request import getproxies_environment, proxy_bypass_environment  # type: ignore[attr-defined]  # not in its stub

from yarl import URL

from myscheduler.core.calls.hosts import called_host
from myscheduler.core.job.transport import FROM_ENVIRONMENT
from myscheduler.messages.message import said


def proxy_of(written: str | None, target: URL) -> URL | None:
    """The proxy for a target. Raises `ValueError` if the one in the environment is not the URL of an HTTP proxy.

    `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are read as curl and Python read them, in lower case too.
    """
    if written is None:
        return None
    if written != FROM_ENVIRONMENT:
        return URL(written, encoded=True)
    found = getproxies_environment()
    text = found.get(target.scheme)
    if not text or proxy_bypass_environment(f"{target.raw_host}:{target.port}", found):
        return None
    url = text if "://" in text else f"http://{text}"
    if not url.startswith("http://") or called_host(url) is None:
        raise ValueError(said("proxy-of-environment"))
    return URL(url, encoded=True)
