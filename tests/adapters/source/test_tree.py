"""Which files of the manifest directory are read, by name and through links."""

import itertools
import os
from pathlib import Path

import pytest

from myscheduler.core.source.snapshot import Snapshot, SourceUnavailable, UnreadableFile
from tests.support.manifest_folder import link, read, texts, write


class TestWhatIsRead:
    @pytest.mark.parametrize(
        ("name", "is_read"),
        [
            pytest.param("a.yaml", True, id="yaml"),
            pytest.param("a.yml", True, id="yml"),
            pytest.param("deep/er/a.yaml", True, id="sub-folders"),
            pytest.param("日本 語.yaml", True, id="japanese-and-spaces"),
            pytest.param("x.yaml/a.yaml", True, id="folder-named-as-a-file"),
            pytest.param("sub/policy.yaml", True, id="reserved-name-below-the-root"),
            pytest.param("policy.yml", True, id="reserved-is-yaml-only"),
            pytest.param("policy.yaml", False, id="policy"),
            pytest.param("targets.yaml", False, id="targets"),
            pytest.param("calendars.yaml", False, id="calendars"),
            pytest.param("access.yaml", False, id="access"),
            pytest.param("sub/access.yaml", True, id="access-below-the-root"),
            pytest.param("a.YAML", False, id="case"),
            pytest.param("README.md", False, id="other-suffix"),
            pytest.param("a.yaml~", False, id="backup"),
            pytest.param("#a.yaml#", False, id="emacs-autosave"),
            pytest.param(".a.yaml.swp", False, id="vim-swap"),
            pytest.param("4913", False, id="vim-probe"),
            pytest.param(".#a.yaml", False, id="emacs-lock"),
            pytest.param("sedUxYz9A", False, id="sed"),
            pytest.param("a.yaml___jb_tmp___", False, id="jetbrains"),
            pytest.param(".goutputstream-A1B2C3", False, id="gedit"),
            pytest.param("a.yaml.tmp.1234", False, id="temporary-suffix"),
            pytest.param("か\u3099.yaml", True, id="decomposed-japanese"),
            pytest.param(".a.yaml", False, id="hidden-file"),
            pytest.param(".git/a.yaml", False, id="hidden-folder"),
            pytest.param("sub/..data/a.yaml", False, id="hidden-below"),
        ],
    )
    def test_by_name(self, root: Path, name: str, is_read: bool) -> None:
        write(root / name)
        snapshot = read(root)
        assert texts(snapshot) == ({name: "x"} if is_read else {})
        assert snapshot.unreadable == ()

    def test_sorted_by_whole_path(self, root: Path) -> None:
        for name in ["b.yaml", "a/z.yaml", "a.yaml", "a/b/c.yaml", "A.yaml"]:
            write(root / name)
        paths = [file.path for file in read(root).files]
        assert paths == sorted(paths)
        assert len(paths) == 5

    def test_symlinks_to_files_and_folders_outside_are_followed(self, root: Path, tmp_path: Path) -> None:
        write(tmp_path / "else" / "a.yaml", "a")
        write(tmp_path / "else" / "b.txt", "b")
        link(root / "team", tmp_path / "else")
        link(root / "b.yaml", "../else/b.txt")
        assert texts(read(root)) == {"team/a.yaml": "a", "b.yaml": "b"}

    def test_one_real_file_is_read_once_under_its_first_path(self, root: Path) -> None:
        write(root / "m" / "real.yaml")
        link(root / "a.yaml", "m/real.yaml")
        link(root / "b", "m")
        link(root / "z.yaml", "a.yaml")
        assert texts(read(root)) == {"a.yaml": "x"}

    def test_symlink_loops_end(self, root: Path) -> None:
        write(root / "a" / "x.yaml")
        write(root / "b" / "y.yaml")
        for at, to in itertools.product("ab", ["a", "b", "."]):
            link(root / at / f"to-{to.replace('.', 'root')}", root / to)
        assert sorted(texts(read(root)).values()) == ["x", "x"]

    @pytest.mark.parametrize("target", ["/", "..", "../..", "team/../.."])
    def test_a_link_to_a_folder_above_is_not_followed(self, root: Path, tmp_path: Path, target: str) -> None:
        write(tmp_path / "else" / "a.yaml")
        write(root / "team" / "b.yaml", "b")
        link(root / "up", target)
        snapshot = read(root)
        assert texts(snapshot) == {"team/b.yaml": "b"}
        assert snapshot.unreadable == (UnreadableFile("up/", "is a link to a folder above the source"),)

    def test_no_more_folders_than_a_source_may_have(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("myscheduler.adapters.source.tree.MOST_FOLDERS", 3)
        for name in ("a", "b"):
            write(root / name / "x.yaml", name)
        assert len(read(root).files) == 2
        write(root / "c" / "x.yaml", "c")
        with pytest.raises(SourceUnavailable, match="holds more than 3 folders"):
            read(root)

    def test_an_empty_folder_is_an_empty_source(self, root: Path) -> None:
        assert read(root) == Snapshot.of([])

    def test_a_very_deep_tree(self, root: Path) -> None:
        deep = root
        for _ in range(1001):  # more than Python recurses
            deep /= "d"
            deep.mkdir()
        file = write(deep / "a.yaml")
        try:
            assert list(texts(read(root)).values()) == ["x"]
        finally:  # pytest's own cleaner is recursive
            file.unlink()
            os.removedirs(deep)
