"""Calls a monitor of heartbeats by the protocol of Healthchecks: the URL itself, and below it `/start` and `/fail`."""

import asyncio
from enum import StrEnum

import httpx

from myscheduler import __version__
from myscheduler.adapters.http.trust import tls_context
from myscheduler.core.calls.hosts import called_host
from myscheduler.errors import SettingError
from myscheduler.machine.causes import reason_of

TIMEOUT_SEC = 10.0
"""For all of a call: to connect, to send, and to read the head of the answer."""
_HEADERS = {"Accept-Encoding": "identity", "User-Agent": f"myscheduler/{__version__}"}


class Ping(StrEnum):
    """What is reported; the value is appended to the path of the URL."""

    START = "/start"
    SUCCESS = ""
    FAIL = "/fail"


class PingError(Exception):
    """The monitor did not take a ping; the message says why, without the URL, whose path is a secret."""


class Pings:
    """Sends pings to one URL."""

    def __init__(self, url: str) -> None:
        self._url = httpx.URL(url)
        self.host = str(called_host(url) or self._url.host)
        """The host of the URL, which may be logged."""

    async def send(self, ping: Ping, reason: str = "") -> None:
        """Send a ping, with the reason as its body. Raises `PingError`, within `TIMEOUT_SEC`."""
        url = self._url.copy_with(path=self._url.path.rstrip("/") + ping.value)
        try:
            trust = await asyncio.to_thread(tls_context)
            # a new client each time, as certificates change; no proxy and no .netrc, as for the calls of jobs
            async with (
                asyncio.timeout(TIMEOUT_SEC),
                httpx.AsyncClient(verify=trust, trust_env=False, timeout=TIMEOUT_SEC) as client,
                client.stream("POST", url, content=reason.encode(), headers=_HEADERS) as answer,
            ):
                status = answer.status_code
        except (TimeoutError, httpx.TimeoutException) as error:
            raise PingError(f"no answer within {TIMEOUT_SEC:g} s") from error
        except (httpx.HTTPError, SettingError) as error:
            raise PingError(reason_of(error)) from error
        if not 200 <= status < 300:
            raise PingError(f"answered {status}")
