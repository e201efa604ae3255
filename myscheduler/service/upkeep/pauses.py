"""Removes pauses whose `until` has passed."""

import asyncio
import logging
from contextlib import suppress

from myscheduler.errors import StoreUnavailableError
from myscheduler.service.catalog.catalog import Catalog

LOOK_SEC = 1.0
"""How long the API may still show a pause that is over. Slots are not delayed: those after its end run on time."""

log = logging.getLogger(__name__)


async def end_pauses(catalog: Catalog) -> None:
    """Check again and again, until cancelled. Failures of the database are ignored: `StoreHealth` reports them."""
    log.debug("checking for pauses that are over, every %g s", LOOK_SEC)
    while True:
        with suppress(StoreUnavailableError):
            await catalog.end_pauses()
        await asyncio.sleep(LOOK_SEC)
