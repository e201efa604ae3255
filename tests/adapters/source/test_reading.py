"""A source that is read again sees every change, and is quick about what stayed."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from myscheduler.adapters.source import DirectorySource
from myscheduler.adapters.source.listing import RACY_NS
from tests.support.manifest_folder import OLD, link, read, texts, write


class TestReadAgain:
    @pytest.mark.parametrize(
        ("change", "after"),
        [
            pytest.param(lambda _: None, {"a.yaml": "a", "sub/b.yaml": "b"}, id="nothing"),
            pytest.param(
                lambda r: write(r / "a.yaml", "c"), {"a.yaml": "c", "sub/b.yaml": "b"}, id="same-size-and-mtime"
            ),
            pytest.param(lambda r: (r / "a.yaml").unlink(), {"sub/b.yaml": "b"}, id="delete"),
            pytest.param(
                lambda r: (r / "a.yaml").rename(r / "c.yaml"), {"c.yaml": "a", "sub/b.yaml": "b"}, id="rename"
            ),
            pytest.param(
                lambda r: link(r / "1.yaml", "a.yaml"), {"1.yaml": "a", "sub/b.yaml": "b"}, id="known-by-another-path"
            ),
            pytest.param(lambda r: (r / "sub").rename(r / ".sub"), {"a.yaml": "a"}, id="folder-hidden"),
        ],
    )
    def test_sees(self, root: Path, change: Callable[[Path], object], after: dict[str, str]) -> None:
        write(root / "a.yaml", "a")
        write(root / "sub" / "b.yaml", "b")
        source = DirectorySource(root)
        source.read()
        change(root)
        snapshot = source.read()
        assert texts(snapshot) == after
        assert snapshot == read(root)

    def test_edits_within_one_tick_of_the_clock(self, root: Path) -> None:
        file = write(root / "a.yaml", "0")
        source = DirectorySource(root)
        for number in range(10):
            file.write_text(str(number))
            os.utime(file, (OLD, OLD))
            assert texts(source.read()) == {"a.yaml": str(number)}

    def test_files_that_stayed_are_not_opened(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[str] = []
        open_file = os.open

        def noting(path: Any, *more: Any, **named: Any) -> int:
            opened.append(Path(os.fsdecode(path)).name)
            return open_file(path, *more, **named)

        for number in range(100):
            write(root / f"{number % 10}" / f"{number}.yaml", f"job_id: {number}\n")
        time.sleep(2 * RACY_NS / 1e9)
        source = DirectorySource(root)
        monkeypatch.setattr(os, "open", noting)
        first = source.read()
        assert {f"{number}.yaml" for number in range(100)} <= set(opened)
        opened.clear()
        assert source.read() == first
        assert [name for name in opened if name.endswith(".yaml")] == []
