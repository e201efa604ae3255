"""A snapshot: sorted, named by its content, and silent about it."""

import pytest

from myscheduler.core.source.snapshot import Snapshot, SourceFile, UnreadableFile


class TestSnapshot:
    def test_is_sorted_and_the_revision_names_the_content(self) -> None:
        a, b = SourceFile.of("a.yaml", b"1"), SourceFile.of("b.yaml", b"2")
        snapshot = Snapshot.of([b, a])
        assert snapshot.files == (a, b)
        assert snapshot == Snapshot.of([a, b])
        assert snapshot.revision.startswith("sha256:")
        assert len(snapshot.revision) == len("sha256:") + 12

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(Snapshot.of([]), id="empty"),
            pytest.param(Snapshot.of([SourceFile.of("a.yaml", b"2")]), id="content"),
            pytest.param(Snapshot.of([SourceFile.of("b.yaml", b"1")]), id="path"),
            pytest.param(Snapshot.of([SourceFile.of("a.yaml", b"1")], [UnreadableFile("c/", "x")]), id="unreadable"),
        ],
    )
    def test_another_source_is_another_revision(self, other: Snapshot) -> None:
        assert Snapshot.of([SourceFile.of("a.yaml", b"1")]).revision != other.revision

    def test_content_stays_out_of_logs(self) -> None:
        assert "hunter2" not in repr(SourceFile.of("a.yaml", b"hunter2"))
