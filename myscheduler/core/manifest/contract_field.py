"""The field `openapi` of a target: the OpenAPI document that the calls of its jobs are compared with."""

from collections.abc import Iterator

from myscheduler.core.findings.problem import Complaint, Place, shown
from myscheduler.core.manifest.declared import NamedContract
from myscheduler.core.manifest.payload_field import is_path_below
from myscheduler.core.manifest.target_fields import TargetFields
from myscheduler.core.source.reserved import ReservedDocument
from myscheduler.core.source.snapshot import IGNORE, RESERVED
from myscheduler.core.templates.declaring import prepare
from myscheduler.core.templates.variables import Variables
from myscheduler.messages.message import said

_SUFFIXES = (".yaml", ".yml", ".json")


def path_faults(fields: TargetFields) -> Iterator[Complaint]:
    if fields.openapi is not None and not _is_document(fields.openapi):
        yield Complaint(("openapi",), "invalid-value", said("contract-path-form", path=shown(fields.openapi)))


def contract_of(fields: TargetFields, variables: Variables, path: str) -> NamedContract | None:
    """The document that a target names; `path` is that of the file that declares the target."""
    if fields.openapi is None:
        return None
    base = prepare({"target_url": fields.base_url}, variables, zone="UTC")
    return NamedContract(beside(path, fields.openapi), base.values["target_url"], base.has_templates)


def documents_of(file: ReservedDocument) -> dict[str, Place]:
    """The paths that any target names, with the first place of each; whatever else is wrong with the target."""
    found: dict[str, Place] = {}
    entries = file.document.value if isinstance(file.document.value, dict) else {}
    for name, entry in entries.items():
        written = entry.get("openapi") if isinstance(entry, dict) else None
        if isinstance(written, str) and _is_document(written) and written not in found:
            found[written] = Place(file.path, *file.document.position((name, "openapi")))
    return found


def beside(path: str, name: str) -> str:
    """The path of a file that is named from the folder of another one."""
    folder, slash, _ = path.rpartition("/")
    return f"{folder}{slash}{name}"


def _is_document(path: str) -> bool:
    is_own = path in RESERVED or path == IGNORE
    return path.endswith(_SUFFIXES) and is_path_below(path) and not is_own
