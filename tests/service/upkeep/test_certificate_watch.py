"""Warnings of certificates that expire soon."""

from datetime import timedelta

import pytest

from myscheduler.core.calls.certificates import Certificates
from myscheduler.service.upkeep.certificate_watch import CertificateWatch
from tests.support.parts import MovableClock

DAY = timedelta(days=1)


def _warned(log: pytest.LogCaptureFixture) -> list[str]:
    found = [one.getMessage() for one in log.records if one.levelname == "WARNING"]
    log.clear()
    return found


def test_each_host_is_warned_of_once_a_day(caplog: pytest.LogCaptureFixture) -> None:
    clock, known = MovableClock(), Certificates()
    watch = CertificateWatch(known, hosts=lambda: {"soon", "later", "past"}, now=clock)
    known.seen("soon", clock() + 10 * DAY + timedelta(minutes=5))
    known.seen("later", clock() + 30 * DAY)
    known.seen("past", clock() - DAY)
    watch.look()
    past, soon = _warned(caplog)
    assert past.startswith("the certificate of past expired at ")
    assert soon.startswith("the certificate of soon expires at ")
    assert soon.endswith("(days left: 10)")
    clock.shift += timedelta(hours=23)
    watch.look()
    assert _warned(caplog) == []
    clock.shift += timedelta(hours=1)
    watch.look()
    assert len(_warned(caplog)) == 2
    known.seen("past", clock() + 90 * DAY)
    known.seen("soon", clock() + 90 * DAY)
    watch.look()
    known.seen("soon", clock() + DAY)  # an older instance of it answers
    watch.look()
    (again,) = _warned(caplog)
    assert again.endswith("(days left: 0)")


def test_a_host_that_no_job_calls_any_more_is_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    clock, known, hosts = MovableClock(), Certificates(), {"gone"}
    watch = CertificateWatch(known, hosts=lambda: hosts, now=clock)
    known.seen("gone", clock() + DAY)
    hosts.clear()
    watch.look()
    assert (_warned(caplog), known.by_expiry()) == ([], [])
