"""What a Python developer would write instead of the service: the yardstick of `python -m benchmarks.yardstick`.

APScheduler 3 in memory, aiohttp, uvloop. It keeps no history, survives no restart, and retries nothing. It prints a
line once all jobs are scheduled, and ends when its standard input is closed.
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime, timedelta

import aiohttp
import uvloop
from apscheduler.schedulers.asyncio import AsyncIOScheduler

TIMEOUT_SEC = 30


async def _run(url: str, count: int) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=TIMEOUT_SEC)) as session:

        async def call(number: int) -> None:
            async with session.post(f"{url}/{number}") as answer:
                await answer.read()

        scheduler = AsyncIOScheduler(timezone=UTC)
        begin = datetime.now(UTC) + timedelta(seconds=1)
        for number in range(count):
            at = begin + timedelta(seconds=number / count)
            scheduler.add_job(call, "interval", seconds=1, start_date=at, args=[number])
        scheduler.start()
        print("scheduled", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        scheduler.shutdown(wait=False)
        await asyncio.sleep(1)  # what is under way ends


if __name__ == "__main__":
    logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # it logs each run that it leaves out
    uvloop.run(_run(sys.argv[1], int(sys.argv[2])))
