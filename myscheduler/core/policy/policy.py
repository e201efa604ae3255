"""The rules of a policy, and the check of one job against them.

`validate`, the reconciler and the API all use this check, so that the same rules apply in each of them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice

from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.calls.hosts import Host, HostPattern, called_host, hosts_in_headers
from myscheduler.core.calls.link_local import Address, Network, Reach, address_in, called_address, read_network
from myscheduler.core.findings.problem import Complaint, cut, shown
from myscheduler.core.job.sent import called_urls
from myscheduler.core.job.spacing import shortest_distance
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.policy.grants import Grants
from myscheduler.core.policy.networks import all_within, faces, shown_as
from myscheduler.core.secrets.literals import literal_credentials
from myscheduler.messages.durations import span_words
from myscheduler.messages.message import said

LONGEST_LIST = 300
"""Characters of the list of allowed values in a message."""
NAMED = 5
"""The most allowed values named in a message."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of one policy.yaml; a rule that is left out forbids nothing."""

    require_labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Required labels with their allowed values; no values means any that is not empty."""
    allow_hosts: tuple[tuple[str, HostPattern], ...] | None = None
    """Each as it is written, and parsed."""
    deny_hosts: tuple[tuple[str, HostPattern], ...] = ()
    allow_networks: tuple[Network, ...] | None = None
    deny_networks: tuple[Network, ...] = ()
    allow_insecure_tls: tuple[tuple[str, HostPattern], ...] = ()
    """Hosts whose certificates a job may leave unchecked; as in `allow_hosts`."""
    allow_link_local: tuple[Network, ...] = ()
    """Not checked here: see `Reach`."""
    api_private_networks: tuple[Network, ...] = ()
    """Not checked here, like `api_private_hosts`: see `Guard`."""
    api_private_hosts: tuple[tuple[str, HostPattern], ...] = ()
    allow_methods: tuple[str, ...] | None = None
    min_interval_sec: int | None = None
    max_retries: int | None = None
    secrets_by_reference: bool = False
    max_starts_per_minute_per_host: int | None = None
    """Checked for all jobs together: see `bursts`."""
    max_chain_depth: int | None = None
    """Checked for all jobs together, like `chains_within_label`: see `linking`."""
    chains_within_label: str | None = None
    api_secrets: Grants = field(default_factory=Grants)
    path: str = "policy.yaml"
    lines: Mapping[str, int] = field(default_factory=dict)
    """The line of each rule, by its name; of a required label, by `require_labels.NAME`."""
    reach: Reach = field(init=False, repr=False, compare=False)
    """Which link-local addresses jobs may call: those of `allow_link_local`, and addresses in `allow_hosts`."""

    def place(self, rule: str) -> str:
        """The location of a rule, such as `policy.yaml:3`."""
        return f"{self.path}:{self.lines.get(rule, 1)}"

    def __post_init__(self) -> None:
        hosts = (address_in(pattern.name) for _, pattern in self.allow_hosts or () if not pattern.below)
        named = (read_network(str(one)) for one in hosts if one is not None)
        object.__setattr__(self, "reach", Reach((*self.allow_link_local, *named)))


NO_POLICY = Policy()


def judge(spec: JobSpec, policies: Sequence[Policy]) -> list[Complaint]:
    """A complaint for every rule of these policies that the job breaks."""
    return [complaint for policy in policies for complaint in _judge(spec, policy)]


def _judge(spec: JobSpec, policy: Policy) -> Iterator[Complaint]:
    yield from _labels(spec, policy)
    yield from _host(spec, policy)
    if policy.allow_methods is not None and spec.ping is None and spec.method not in policy.allow_methods:
        allowed = _listed(policy.allow_methods)
        message = said("policy-method", value=spec.method, allowed=allowed, place=policy.place("allow_methods"))
        yield Complaint(("method",), "policy-method", message)
    yield from _interval(spec, policy)
    if policy.max_retries is not None and spec.max_retries > policy.max_retries:
        limit = said("the-retries-allowed", most=policy.max_retries, place=policy.place("max_retries"))
        message = said("policy-retries", value=spec.max_retries, limit=limit, most=policy.max_retries)
        yield Complaint(("max_retries",), "policy-retries", message)
    if policy.secrets_by_reference:
        place = policy.place("secrets_by_reference")
        for loc, what in islice(literal_credentials(spec), MOST_PROBLEMS + 1):
            message = said("policy-credential", what=what, place=place)
            yield Complaint(loc, "policy-literal-credential", message)


def _labels(spec: JobSpec, policy: Policy) -> Iterator[Complaint]:
    for name, values in policy.require_labels.items():
        place = policy.place(f"require_labels.{name}")
        found = spec.labels.get(name, "")
        if not found.strip():
            example = values[0] if values else "…"
            message = said("policy-label-missing", label=name, place=place, example=example)
            yield Complaint(("labels", name), "policy-label", message)
        elif values and found not in values:
            message = said("policy-label-value", value=shown(found), listed=_listed(values), place=place, label=name)
            yield Complaint(("labels", name), "policy-label", message)


def _host(spec: JobSpec, policy: Policy) -> Iterator[Complaint]:
    if spec.ping is not None:
        return
    for loc, url in called_urls(spec):
        if message := host_fault(called_host(url), policy):
            yield Complaint(loc, "policy-host", message)
        if (address := called_address(url)) is not None and (message := network_fault(address, policy)):
            yield Complaint(loc, "policy-network", message)
    if spec.transport.own_proxy is not None:
        yield from _proxy(spec.transport.own_proxy, policy)
    for name, host in hosts_in_headers(spec.target_url, spec.headers):
        # never quote the value: a secret may have been written in the wrong header
        if policy.deny_hosts and (host is None or _is_among(host, policy.deny_hosts)):
            message = said("policy-host-header-denied", place=policy.place("deny_hosts"))
            yield Complaint(("headers", name), "policy-host", message)
        elif policy.allow_hosts is not None and (host is None or not _is_among(host, policy.allow_hosts)):
            place, allowed = policy.place("allow_hosts"), _listed(written for written, _ in policy.allow_hosts)
            message = said("policy-host-header", place=place, allowed=allowed)
            yield Complaint(("headers", name), "policy-host", message)


def _proxy(proxy: str, policy: Policy) -> Iterator[Complaint]:
    """Complaints that never quote the URL of the proxy, which may hold a password."""
    host, address = called_host(proxy), called_address(proxy)
    if policy.deny_hosts and (host is None or _is_among(host, policy.deny_hosts)):
        yield Complaint(("proxy",), "policy-host", said("policy-host-header-denied", place=policy.place("deny_hosts")))
    elif policy.allow_hosts is not None and (host is None or not _is_among(host, policy.allow_hosts)):
        place, allowed = policy.place("allow_hosts"), _listed(written for written, _ in policy.allow_hosts)
        yield Complaint(("proxy",), "policy-host", said("policy-proxy", place=place, allowed=allowed))
    if address is not None and (message := network_fault(address, policy)):
        yield Complaint(("proxy",), "policy-network", message)


def host_fault(host: Host | None, policy: Policy) -> str | None:
    """Why the policy forbids to call the host, which is `None` if it is not certain; `None` if it does not."""
    if message := denied_host_fault(host, policy):
        return message
    if policy.allow_hosts is None:
        return None
    place = policy.place("allow_hosts")
    if host is None:
        return said("policy-host-unclear", place=place)
    if _is_among(host, policy.allow_hosts):
        return None
    return said("policy-host", host=host, place=place, allowed=_listed(written for written, _ in policy.allow_hosts))


def denied_host_fault(host: Host | None, policy: Policy) -> str | None:
    """Like `host_fault`, for `deny_hosts` alone."""
    if not policy.deny_hosts:
        return None
    place = policy.place("deny_hosts")
    if host is None:
        return said("policy-host-unclear", place=place)
    return said("policy-host-denied", host=str(host), place=place) if _is_among(host, policy.deny_hosts) else None


def network_fault(address: Address, policy: Policy) -> str | None:
    """Why the policy's lists of networks forbid the address; `None` if they don't."""
    judged = faces(address)
    for face in (address, *judged):
        if network := next((one for one in policy.deny_networks if face in one), None):
            place = policy.place("deny_networks")
            return said("policy-network-denied", address=shown_as(address, face), network=str(network), place=place)
    if policy.allow_networks is not None and not all_within(address, judged, policy.allow_networks):
        place = policy.place("allow_networks")
        return said("policy-network", address=shown_as(address, judged[0]), place=place)
    return None


def insecure(url: str, policies: Sequence[Policy]) -> list[Complaint]:
    """A complaint about `verify: false` unless some policy, and each one, allows it for the host of the URL."""
    host = called_host(url)
    for policy in policies or (NO_POLICY,):
        if host is None or not _is_among(host, policy.allow_insecure_tls):
            has_rule = "allow_insecure_tls" in policy.lines
            place = policy.place("allow_insecure_tls") if has_rule else policy.path
            message = said("policy-insecure-tls", place=place, host=host)
            return [Complaint(("tls", "verify"), "policy-insecure-tls", message)]
    return []


def _is_among(host: Host, patterns: Iterable[tuple[str, HostPattern]]) -> bool:
    return any(pattern.fits(host) for _, pattern in patterns)


def _interval(spec: JobSpec, policy: Policy) -> Iterator[Complaint]:
    if policy.min_interval_sec is None:
        return
    shortest, found = timedelta(seconds=policy.min_interval_sec), shortest_distance(spec.schedule)
    if found is not None and found < shortest:
        place, limit = policy.place("min_interval_sec"), span_words(shortest)
        often = said("policy-interval", period=found, limit=limit, place=place)
        message = said("run-less-often", often=often)
        yield Complaint((spec.schedule_type,), "policy-interval", message)


def _listed(values: Iterable[str]) -> str:
    values = list(values)
    more = said("and-count-more", count=len(values) - NAMED) if len(values) > NAMED else ""
    return cut(", ".join(values[:NAMED]), LONGEST_LIST) + more
