"""The OpenAPI documents that targets name: they are read beside the manifests, and are none themselves."""

import os
from collections.abc import Iterable
from pathlib import Path

from myscheduler.adapters.source.below import UnusableFileError, read_below
from myscheduler.core.bounds import LARGEST_FILE
from myscheduler.core.manifest.contract_field import beside
from myscheduler.core.manifest.declared import ContractFile
from myscheduler.core.manifest.targets_file import SharedTargets, read_targets
from myscheduler.core.source.snapshot import Snapshot, SourceFile, UnreadableFile
from myscheduler.machine.causes import reason_of


def read_documents(targets: Iterable[SharedTargets]) -> tuple[ContractFile, ...]:
    """Each document once, with the place that names it. Paths are relative to the folder of that file."""
    found: dict[str, ContractFile] = {}
    for one in targets:
        for name, place in one.documents.items():
            path = beside(place.path, name)
            found.setdefault(path, ContractFile(_read(Path(place.path).parent, name, path), place))
    return tuple(found.values())


def _read(root: Path, name: str, path: str) -> SourceFile | UnreadableFile:
    try:
        return SourceFile.of(path, read_below(root, name, most=LARGEST_FILE))
    except OSError as error:
        return UnreadableFile(path, reason_of(error))
    except UnusableFileError as error:
        return UnreadableFile(path, str(error))


def documents_named(path: str, content: bytes) -> list[str]:
    """The paths of the documents that a targets.yaml with this path names."""
    return [beside(path, name) for name in read_targets(SourceFile.of(path, content)).documents]


def without_documents(part: Snapshot, documents: Iterable[ContractFile]) -> Snapshot:
    """The files of a command without the documents, however their paths are written."""
    return part.without({os.path.realpath(one.file.path) for one in documents}, os.path.realpath)
