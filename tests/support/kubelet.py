"""Volumes as Kubernetes mounts them: the kubelet's AtomicWriter, step by step (pkg/volume/util/atomic_writer.go)."""

import itertools
import shutil
from collections.abc import Mapping
from pathlib import Path


class Kubelet:
    """The volume of a ConfigMap or a Secret.

    A new folder, `..data` swapped by a rename, links for new names, none for those that went, and the old folder goes.
    Folders beside the links, where others are mounted, are left alone.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._count = itertools.count()
        root.mkdir(parents=True, exist_ok=True)

    @property
    def version(self) -> str:
        """The name of the folder that `..data` leads to; empty before the first `write`."""
        data = self.root / "..data"
        return str(data.readlink()) if data.is_symlink() else ""

    def write(self, files: Mapping[str, str]) -> None:
        old = self.version
        before = {entry.name for entry in (self.root / old).iterdir()} if old else set()
        stamp = f"..2026_11_23_10_00_{next(self._count):02}.123456789"
        (self.root / stamp).mkdir()
        for name, text in files.items():
            (self.root / stamp / name).write_bytes(text.encode())
        (self.root / "..data_tmp").symlink_to(stamp)
        (self.root / "..data_tmp").rename(self.root / "..data")
        for name in files.keys() - before:
            (self.root / name).symlink_to(f"..data/{name}")
        for name in before - files.keys():
            (self.root / name).unlink()
        if old:
            shutil.rmtree(self.root / old)
