"""A forecast as JSON, in the shape that the command and the API share."""

from typing import Any

from myscheduler.core.bounds import MOST_NAMED
from myscheduler.core.load.chained import Chained
from myscheduler.core.load.forecast import Forecast, HostForecast, Worst
from myscheduler.core.load.target_forecast import TargetForecast


def as_json(found: Forecast) -> dict[str, Any]:
    return {
        "from": found.span.moment(0).isoformat(),
        "until": found.span.moment(found.span.minutes).isoformat(),
        "timezone": found.span.zone,
        "hosts": [_host_json(host) for host in found.hosts],
        "targets": [_target_json(target) for target in found.targets],
        "chained": _chained_json(found.chained) if found.chained.delays else None,
    }


def _chained_json(chained: Chained) -> dict[str, Any]:
    return {
        "jobs": len(chained.delays),
        "assumed": len(chained.assumed),
        "assumed_job_ids": list(chained.assumed[:MOST_NAMED]),
        "assumed_sec": chained.duration.total_seconds(),
        "left_out": chained.left_out,
    }


def _target_json(target: TargetForecast) -> dict[str, Any]:
    rate = target.limit.rate
    return {
        "target": target.target,
        "jobs": target.jobs,
        "starts": target.starts,
        "peak": target.peak,
        "calls_per_sec": round(target.peak / 60, 3),
        "rate_per_sec": round(rate.calls / rate.per.total_seconds(), 3) if rate else None,
        "in_flight": round(target.in_flight, 3),
        "concurrency": target.limit.concurrency,
        "crowded": [
            {
                "at": one.at.isoformat(),
                "starts": one.starts,
                "needs_sec": round(one.needs.total_seconds(), 3),
                "missed": len(one.missed),
                "missed_job_ids": list(one.missed[:MOST_NAMED]),
                "again": [moment.isoformat() for moment in one.again],
            }
            for one in target.crowded
        ],
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
