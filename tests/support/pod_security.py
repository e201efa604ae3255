"""The "restricted" level of Kubernetes' pod security standards, as a list of what a pod does wrong.

The rules are those of https://kubernetes.io/docs/concepts/security/pod-security-standards/, of baseline and restricted.
"""

from collections.abc import Iterator
from typing import Any

_VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
_SECCOMP = {"RuntimeDefault", "Localhost"}
_SELINUX = {None, "", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
_SYSCTLS = {
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}  # fmt: skip
_PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def violations(spec: dict[str, Any]) -> list[str]:
    """What of a pod's `spec` the restricted level refuses; empty when it meets it."""
    return [*_of_pod(spec), *(f"{one['name']}: {told}" for one in _containers(spec) for told in _of(one, spec))]


def _containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for name in ("initContainers", "containers", "ephemeralContainers") for one in spec.get(name, [])]


def _of_pod(spec: dict[str, Any]) -> Iterator[str]:
    context = spec.get("securityContext") or {}
    yield from (name for name in ("hostNetwork", "hostPID", "hostIPC") if spec.get(name))
    for volume in spec.get("volumes", []):
        yield from (f"volume {kind}" for kind in volume.keys() - {"name"} - _VOLUMES)
    yield from (f"sysctl {one['name']}" for one in context.get("sysctls", []) if one["name"] not in _SYSCTLS)
    yield from _of_both(context)


def _of_both(context: dict[str, Any]) -> Iterator[str]:
    """What stands in the context of a pod or of a container."""
    if (context.get("windowsOptions") or {}).get("hostProcess"):
        yield "hostProcess"
    selinux = context.get("seLinuxOptions") or {}
    if selinux.get("type") not in _SELINUX or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions"
    if context.get("runAsUser") == 0:
        yield "runAsUser 0"
    if context.get("runAsNonRoot") is False:
        yield "runAsNonRoot false"
    if (context.get("seccompProfile") or {}).get("type", "RuntimeDefault") not in _SECCOMP:
        yield "seccompProfile"
    if (context.get("appArmorProfile") or {}).get("type", "RuntimeDefault") not in _SECCOMP:
        yield "appArmorProfile"


def _of(container: dict[str, Any], spec: dict[str, Any]) -> Iterator[str]:
    context, around = container.get("securityContext") or {}, spec.get("securityContext") or {}
    capabilities = context.get("capabilities") or {}
    yield from _of_both(context)
    if context.get("privileged"):
        yield "privileged"
    if context.get("procMount", "Default") != "Default":
        yield "procMount"
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if not (context.get("runAsNonRoot") or around.get("runAsNonRoot")):
        yield "runAsNonRoot"
    if not (context.get("seccompProfile") or around.get("seccompProfile")):
        yield "no seccompProfile"
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities drop"
    yield from (f"capability {name}" for name in capabilities.get("add", []) if name != "NET_BIND_SERVICE")
    yield from (f"hostPort {port['hostPort']}" for port in container.get("ports", []) if port.get("hostPort"))
    for probe in _PROBES:
        action = container.get(probe) or {}
        yield from (f"{probe} host" for kind in ("httpGet", "tcpSocket") if (action.get(kind) or {}).get("host"))
