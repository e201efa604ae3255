"""Takes pauses off that end by themselves."""

import asyncio
import logging
from contextlib import suppress

from myscheduler.errors import StoreUnavailableError
from myscheduler.service.catalog.catalog import Catalog

LOOK_SEC = 1.0
"""How long the API may show a pause that is over. Slots don't wait for it: those after its end run on time."""

log = logging.getLogger(__name__)


async def end_pauses(catalog: Catalog) -> None:
    """Look again and again, until cancelled. A database that is away is not its business."""
    log.debug("looking for pauses that are over, every %g s", LOOK_SEC)
    while True:
        with suppress(StoreUnavailableError):
            await catalog.end_pauses()
        await asyncio.sleep(LOOK_SEC)
