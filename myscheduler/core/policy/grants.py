"""Which secrets jobs of the API may use, and for which hosts: the grants of `policy.yaml`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from myscheduler.core.calls.hosts import Host, called_host, hosts_in_headers, parse_host_pattern
from myscheduler.core.findings.problem import Complaint, cut
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.secrets.references import places_of

LONGEST_LIST = 300
"""Characters of the allowed hosts in a message."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Jobs of the API may send these secrets to these hosts."""

    secret: str
    """A name, or a pattern with `*`."""
    hosts: tuple[str, ...]
    """Each a host, `host:port`, or `*.example.com` for all names below it; without a port, every port."""

    def __post_init__(self) -> None:
        """Raises `ValueError` for a pattern of a host that could never match."""
        for host in self.hosts:
            parse_host_pattern(host)


@dataclass(frozen=True, slots=True)
class Grants:
    """Which secrets jobs of the API may use, and for which hosts; none unless said otherwise.

    Jobs of manifests are not asked: whoever may merge them decides.
    """

    grants: tuple[Grant, ...] = ()

    def allows(self, name: str, host: Host) -> bool:
        return any(parse_host_pattern(pattern).fits(host) for pattern in self.hosts_for(name))

    def hosts_for(self, name: str) -> tuple[str, ...]:
        """Where the secret may be sent, as patterns."""
        return tuple(host for grant in self.grants if fnmatchcase(name, grant.secret) for host in grant.hosts)

    def fault(self, name: str, host: Host, shown: str) -> str | None:
        """Why the secret may not be sent there, or `None` where it may. `shown` says which host that is."""
        if self.allows(name, host):
            return None
        hosts = self.hosts_for(name)
        allowed = f"only for {cut(', '.join(hosts), LONGEST_LIST)}" if hosts else "for no host"
        return (
            f"secret {name!r} may not be sent to {shown}: jobs of the API may use what policy.yaml allows, and it "
            f"allows this one {allowed}; declare the job in a manifest, or have the policy changed"
        )


def refused(names: Iterable[str], grants: Grants, spec: JobSpec) -> tuple[str, ...]:
    """Why a job of the API may not send these secrets where it calls; empty where it may.

    A `Host` header decides beside the URL where a call ends, so both have to be allowed. Its text is never quoted.
    """
    names = sorted(names)
    if not names:
        return ()
    called = called_host(spec.target_url)
    if called is None:
        return (
            "which host the URL calls is not clear, so no secret is allowed: write it plainly, as https://HOST/PATH",
        )
    reached = [(called, called.with_port)]
    for header, host in hosts_in_headers(spec.target_url, spec.headers):
        if host is None:
            return (f"which host the header {header} names is not clear, so no secret is allowed: leave it out",)
        reached.append((host, f"the host that the header {header} names"))
    return tuple(
        fault for name in names for host, shown in reached if (fault := grants.fault(name, host, shown)) is not None
    )


def not_allowed(spec: JobSpec, grants: Grants) -> Iterator[Complaint]:
    """Each place where a job of the API refers to a secret that it may not send to its target."""
    for loc, name in places_of(spec):
        for fault in refused([name], grants, spec):
            yield Complaint(loc, "secret-not-allowed", fault)
