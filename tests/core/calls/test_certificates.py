"""Certificates of hosts: which expire soon, and what is forgotten."""

from datetime import UTC, datetime, timedelta

import pytest

from myscheduler.core.calls import certificates
from myscheduler.core.calls.certificates import WARN_DAYS, Certificates, ExpiringCertificate

NOW = datetime(2027, 3, 7, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("left", "is_expiring"),
    [
        pytest.param(timedelta(days=30), False, id="a-month"),
        pytest.param(timedelta(days=WARN_DAYS), False, id="just-enough"),
        pytest.param(timedelta(days=WARN_DAYS, seconds=-1), True, id="just-too-few"),
        pytest.param(timedelta(), True, id="now"),
        pytest.param(timedelta(days=-400), True, id="expired"),
    ],
)
def test_a_certificate_with_fewer_than_fourteen_days_is_expiring(left: timedelta, is_expiring: bool) -> None:
    known = Certificates()
    known.seen("api.example.com", NOW + left)
    assert known.expiring(NOW) == ((ExpiringCertificate("api.example.com", NOW + left),) if is_expiring else ())


def test_the_soonest_is_first() -> None:
    known = Certificates()
    for host, days in (("b.example.com", 3), ("a.example.com:8443", 3), ("c.example.com", -1)):
        known.seen(host, NOW + timedelta(days=days))
    assert [one.host for one in known.expiring(NOW)] == ["c.example.com", "a.example.com:8443", "b.example.com"]


def test_a_host_has_the_certificate_that_was_seen_last() -> None:
    known = Certificates()
    known.seen("api.example.com", NOW + timedelta(days=1))
    assert known.expires_at("api.example.com") == NOW + timedelta(days=1)
    known.seen("api.example.com", NOW + timedelta(days=90))
    assert known.expires_at("api.example.com") == NOW + timedelta(days=90)
    assert known.expiring(NOW) == ()
    assert known.expires_at("other.example.com") is None


def test_of_too_many_hosts_the_one_seen_longest_ago_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "MOST_HOSTS", 2)
    known = Certificates()
    for host in ("a", "b", "a", "c"):
        known.seen(host, NOW)
    assert [one.host for one in known.expiring(NOW)] == ["a", "c"]


def test_hosts_that_no_job_calls_are_forgotten() -> None:
    known = Certificates()
    for host in ("a", "b"):
        known.seen(host, NOW)
    known.keep({"b", "c"})
    assert [one.host for one in known.by_expiry()] == ["b"]
