"""The log line at the start of the service: how many jobs are loaded, and which of their secrets are missing."""

import asyncio
import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from myscheduler.adapters.secret_files import Secrets
from myscheduler.adapters.store.database.connections import shown
from myscheduler.adapters.store.database.reading import parse_url
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.secrets.references import references_of

NAMED = 10
"""The most missing secrets that are named; the rest are only counted."""

log = logging.getLogger(__name__)


async def tell_loaded(jobs: Sequence[Job], secrets: Secrets, *, held: int, jobs_dir: Path, database_url: str) -> None:
    """Log one line; a warning if a secret is missing. `held` is the number of jobs whose manifests are broken."""
    lacking = await secrets.lacking(await asyncio.to_thread(_wanted, jobs))
    of_manifests = sum(job.owner is Owner.MANIFEST for job in jobs)
    counts = {"manifests": of_manifests, "api": len(jobs) - of_manifests, "paused": sum(job.is_paused for job in jobs)}
    places = {"held": held, "jobs_dir": str(jobs_dir), "database": shown(parse_url(database_url))}
    loaded = f"{len(jobs):,} job{'s are' if len(jobs) != 1 else ' is'} loaded"
    log.log(
        logging.WARNING if lacking else logging.INFO, "%s%s", loaded, _lacking_words(lacking), extra=counts | places
    )


def _wanted(jobs: Sequence[Job]) -> frozenset[str]:
    return frozenset(name for job in jobs for name in references_of(job.spec))


def _lacking_words(names: Collection[str]) -> str:
    if not names:
        return ""
    named, more = sorted(names)[:NAMED], len(names) - NAMED
    kind, be = ("secrets", "are") if len(names) != 1 else ("secret", "is")
    rest = f" and {more:,} more" if more > 0 else ""
    return f"; {len(names):,} {kind} that they name {be} missing or unusable: {', '.join(named)}{rest}"
