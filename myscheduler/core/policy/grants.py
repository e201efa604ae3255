"""The grants of `policy.yaml`: which secrets jobs of the API may use, and for which hosts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from myscheduler.core.access.scope import Scope
from myscheduler.core.calls.hosts import Host, called_host, hosts_in_headers, parse_host_pattern
from myscheduler.core.findings.problem import Complaint, cut
from myscheduler.core.job.auth import OAuth2
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.secrets.references import places_of
from myscheduler.messages.message import said

LONGEST_LIST = 300
"""Characters of the list of allowed hosts in a message."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Allows jobs of the API to send matching secrets to these hosts."""

    secret: str
    """A name, or a pattern with `*`."""
    hosts: tuple[str, ...]
    """Each is a host, `host:port`, or `*.example.com` for all names below it; without a port, every port is allowed."""
    scope: Scope | None = None
    """The jobs that it is for; `None` for all jobs, but then only editors of all jobs may use it."""

    def is_for(self, spec: JobSpec) -> bool:
        return self.scope is None or self.scope.covers(spec.job_id, spec.labels)

    def __post_init__(self) -> None:
        """Raises `ValueError` for a host pattern that could never match."""
        for host in self.hosts:
            parse_host_pattern(host)


@dataclass(frozen=True, slots=True)
class Grants:
    """Which secrets jobs of the API may use, and for which hosts; by default none.

    Jobs of manifests need no grant: their secrets are approved when the manifest is reviewed and merged.
    """

    grants: tuple[Grant, ...] = ()

    @property
    def scoped(self) -> "Grants":
        """Those that name the jobs that they are for: the ones that editors with a scope may use."""
        return Grants(tuple(grant for grant in self.grants if grant.scope is not None))

    def of_job(self, spec: JobSpec) -> "Grants":
        """Those that are for this job."""
        return Grants(tuple(grant for grant in self.grants if grant.is_for(spec)))

    def allows(self, name: str, host: Host) -> bool:
        return any(parse_host_pattern(pattern).fits(host) for pattern in self.hosts_for(name))

    def hosts_for(self, name: str) -> tuple[str, ...]:
        """The host patterns to which the secret may be sent."""
        return tuple(host for grant in self.grants if fnmatchcase(name, grant.secret) for host in grant.hosts)

    def fault(self, name: str, host: Host, shown: str) -> str | None:
        """Why the secret may not be sent to `host`, or `None` if it may. `shown` names the host in the message."""
        if self.allows(name, host):
            return None
        hosts = self.hosts_for(name)
        allowed = said("only-for-hosts", hosts=cut(", ".join(hosts), LONGEST_LIST)) if hosts else said("for-no-host")
        return said("secret-not-granted", name=name, host=shown, allowed=allowed)


def refused(names: Iterable[str], grants: Grants, spec: JobSpec) -> tuple[str, ...]:
    """Why a job of the API may not send these secrets to its target, one message each; empty if it may.

    A `Host` header may route the call to another host than the URL, and a token is asked for at its own URL, so all of
    them have to be allowed. The value of the header is never quoted.
    """
    names = sorted(names)
    if not names:
        return ()
    called = called_host(spec.target_url)
    if called is None:
        return (said("host-unclear"),)
    grants = grants.of_job(spec)
    reached = [(called, called.with_port)]
    if isinstance(spec.auth, OAuth2):
        issuer = called_host(spec.auth.token_url)
        if issuer is None:
            return (said("host-unclear"),)
        reached.append((issuer, issuer.with_port))
    if (proxy := spec.transport.own_proxy) is not None:
        if (host := called_host(proxy)) is None:
            return (said("host-unclear"),)
        reached.append((host, host.with_port))
    for header, host in hosts_in_headers(spec.target_url, spec.headers):
        if host is None:
            return (said("header-host-unclear", header=header),)
        reached.append((host, said("the-host-of-header", header=header)))
    return tuple(
        fault for name in names for host, shown in reached if (fault := grants.fault(name, host, shown)) is not None
    )


def not_allowed(spec: JobSpec, grants: Grants) -> Iterator[Complaint]:
    """A complaint at each reference of a job of the API to a secret that it may not send to its target."""
    for loc, name in places_of(spec):
        for fault in refused([name], grants, spec):
            yield Complaint(loc, "secret-not-allowed", fault)
