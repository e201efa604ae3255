"""Sends notes through Apprise, which is installed by the extra `apprise`.

Its calls block, follow redirects and are outside of the guard of link-local addresses. So they run in threads of their
own, few of them, and a call that takes too long is left behind.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

from myscheduler.core.incidents.delivery import DELIVERED, Delivered, Failed
from myscheduler.core.notifications.channels import Apprise
from myscheduler.core.notifications.payloads import Note
from myscheduler.messages.message import said

TIMEOUT_SEC = 30.0
AT_ONCE = 2


class AppriseNotes:
    """Sends notes; `close` it at the end."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="apprise")

    async def send(self, service: Apprise, note: Note) -> Delivered | Failed:
        if find_spec("apprise") is None:
            return Failed(said("apprise-missing"), is_permanent=True)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(TIMEOUT_SEC):
                return await loop.run_in_executor(self._threads, _send, service.url, note)
        except TimeoutError:
            return Failed(said("apprise-too-slow", seconds=TIMEOUT_SEC))

    def close(self) -> None:
        """Wait for nothing: a call that hangs must not delay the end of the service."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _send(url: str, note: Note) -> Delivered | Failed:
    import apprise  # noqa: PLC0415 -- 22 MB of memory, which only those pay who use it

    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its warnings may repeat a URL, which is a secret
    service = apprise.Apprise()
    if not service.add(url):
        return Failed(said("apprise-knows-no-such-url"), is_permanent=True)
    kind = apprise.NotifyType.SUCCESS if note.is_good else apprise.NotifyType.FAILURE
    if not service.notify(title=note.title, body=note.text or note.title, notify_type=kind):
        return Failed(said("apprise-failed"))
    return DELIVERED
