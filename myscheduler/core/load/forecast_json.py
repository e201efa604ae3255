"""A forecast as JSON, in the shape that the command and the API share."""

from typing import Any

from myscheduler.core.bounds import MOST_NAMED
from myscheduler.core.load.forecast import Forecast, HostForecast, Worst


def as_json(found: Forecast) -> dict[str, Any]:
    return {
        "from": found.span.moment(0).isoformat(),
        "until": found.span.moment(found.span.minutes).isoformat(),
        "timezone": found.span.zone,
        "hosts": [_host_json(host) for host in found.hosts],
    }


def _host_json(host: HostForecast) -> dict[str, Any]:
    advice = host.advice
    return {
        "host": host.host,
        "jobs": host.jobs,
        "starts": host.starts,
        "peak": host.peak,
        "worst": [_worst_json(worst) for worst in host.worst],
        "advice": {
            "jitter_sec": advice.jitter_sec,
            "jobs": len(advice.job_ids),
            "job_ids": list(advice.job_ids[:MOST_NAMED]),
            "leaves": advice.leaves,
        }
        if advice
        else None,
        "days": [
            {"date": day.date.isoformat(), "peak_per_hour": [cell.peak if cell else None for cell in day.hours]}
            for day in host.days
        ],
    }


def _worst_json(worst: Worst) -> dict[str, Any]:
    return {
        "at": worst.at.isoformat(),
        "starts": worst.starts,
        "jobs": len(worst.job_ids),
        "job_ids": list(worst.job_ids[:MOST_NAMED]),
        "again": [moment.isoformat() for moment in worst.again],
    }
