"""Puts the parts together that make calls from a process."""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from myscheduler import __version__
from myscheduler.adapters.http.sender import MAX_AGE_SEC, open_sender
from myscheduler.adapters.identity.identity import METADATA_VARIABLE, Identity
from myscheduler.adapters.secret_files import Secrets
from myscheduler.adapters.source.attached import AttachedFiles
from myscheduler.core.calls.tokens import METADATA_HOST
from myscheduler.core.calls.trace import Sampling
from myscheduler.core.policy.file import Rules
from myscheduler.core.policy.guard import USUAL_GUARD, Guard
from myscheduler.service.dispatch.caller import ALL, LocalCaller
from myscheduler.service.dispatch.preparing import Preparing

USER_AGENT = f"myscheduler/{__version__}"


@dataclass(frozen=True, slots=True)
class CallSettings:
    """What calls are made with, the same for all."""

    jobs_dir: Path
    """The root of the source, whose files calls send."""
    secrets_dir: Path
    zone: str
    """The service's, for the templates of jobs that name none."""
    connection_max_age: float = MAX_AGE_SEC
    """Seconds after which a connection is not reused."""
    sampling: Sampling = ALL


@asynccontextmanager
async def open_local_caller(
    settings: CallSettings,
    *,
    guard: Callable[[], Guard] = lambda: USUAL_GUARD,
    rules: Callable[[], Rules] = Rules,
    certificate_seen: Callable[[str, datetime], None] = lambda _host, _expires_at: None,
) -> AsyncIterator[LocalCaller]:
    """Make calls from this process, under what `guard` and `rules` return; see `open_sender` and `LocalCaller`.

    Raises `SettingError` if trusted certificates can't be read.
    """
    async with open_sender(
        connections=0,
        connections_per_host=0,
        max_age_sec=settings.connection_max_age,
        guard=guard,
        certificate_seen=certificate_seen,
    ) as sender:
        host = os.environ.get(METADATA_VARIABLE) or METADATA_HOST
        preparing = Preparing(
            Secrets(settings.secrets_dir, os.environ),
            AttachedFiles(settings.jobs_dir),
            Identity(sender, user_agent=USER_AGENT, metadata_host=host),
            grants=lambda: rules().grants,
            now=lambda: datetime.now(UTC),
        )
        yield LocalCaller(
            sender,
            preparing,
            user_agent=USER_AGENT,
            sampling=settings.sampling,
            zone=settings.zone,
            policies=lambda: rules().binding,
        )
