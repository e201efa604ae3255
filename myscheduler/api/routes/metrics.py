"""`/metrics` and `/metrics/jobs`, for Prometheus: its text format, or OpenMetrics where a scraper asks for it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from myscheduler.api.input.inquiries import QUEUE, Inquiries
from myscheduler.api.output.packing import LEAST, Packer, accepts_gzip
from myscheduler.messages.message import said
from myscheduler.service.metrics.gathering import Gathering
from myscheduler.service.metrics.job_gathering import Gathered, JobGathering

_HEADERS = {"Vary": "Accept, Accept-Encoding"}


def metrics_router(service: Gathering, jobs: JobGathering) -> APIRouter:
    """They are no part of the REST API: neither below its base, nor in its document."""
    router = APIRouter(include_in_schema=False)
    inquiries = Inquiries(at_once=1, queue=QUEUE, advice=said("ask-later"))
    packer = Packer()

    @router.get("/metrics", operation_id="get_metrics")
    async def get_metrics(request: Request) -> Response:
        """The service as a whole."""
        encode, content_type = choose_encoder(_accept(request))
        found = _Found(await service.gather())
        return _answer(request, packer, [await asyncio.to_thread(encode, found)], content_type)

    @router.get("/metrics/jobs", operation_id="get_job_metrics")
    async def get_job_metrics(request: Request) -> Response:
        """Each job."""
        _, content_type = choose_encoder(_accept(request))
        is_openmetrics = content_type.startswith("application/openmetrics-text")

        def write(gathered: Gathered, _between: object) -> list[bytes]:
            return jobs.write(gathered, is_openmetrics=is_openmetrics)

        return _answer(request, packer, await inquiries.ask_about(jobs.gather, write), content_type)

    return router


class _Found(Collector):
    """What the encoders take: something that can be asked for metrics."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _accept(request: Request) -> str:
    return ",".join(request.headers.getlist("accept"))


def _answer(request: Request, packer: Packer, pieces: Sequence[bytes], content_type: str) -> Response:
    length = sum(map(len, pieces))
    if length >= LEAST and accepts_gzip(request.headers.get("accept-encoding", "")):
        content = packer.packed([piece] for piece in pieces)
        own = {"Content-Encoding": "gzip"}
    else:
        content, own = _plain(pieces), {"Content-Length": str(length)}
    return StreamingResponse(content, headers={"Content-Type": content_type, **_HEADERS, **own})


async def _plain(pieces: Sequence[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece
