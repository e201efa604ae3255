"""The rules of a .gitignore, as a table; that they are those of git is for test_ignore_file."""

import time

import pytest

from myscheduler.core.bounds import LARGEST_IGNORE, MOST_PATTERNS
from myscheduler.core.source.ignoring import NOTHING, ignoring_problems, read_ignoring
from myscheduler.core.source.snapshot import IGNORE, SourceFile


@pytest.mark.parametrize(
    ("text", "left_out", "kept"),
    [
        pytest.param("a.yaml", ["a.yaml", "t/a.yaml", "a.yaml/"], ["b.yaml", "xa.yaml", "a.yaml.bak"], id="name"),
        pytest.param("/a.yaml", ["a.yaml"], ["t/a.yaml"], id="anchored"),
        pytest.param("t/a.yaml", ["t/a.yaml"], ["u/t/a.yaml", "a.yaml"], id="a slash anchors"),
        pytest.param("drafts/", ["drafts/", "t/drafts/"], ["drafts", "t/drafts"], id="folders only"),
        pytest.param("*.draft.yaml", ["a.draft.yaml", "t/.draft.yaml"], ["a.yaml"], id="star"),
        pytest.param("t/*.yaml", ["t/a.yaml"], ["t/u/a.yaml"], id="a star ends at a slash"),
        pytest.param("?.yaml", ["a.yaml"], [".yaml", "ab.yaml", "é.yaml"], id="any one byte"),
        pytest.param("[a-c]x[!0-9]", ["axb", "cxq"], ["dxb", "ax1"], id="brackets"),
        pytest.param("[[:upper:]]", ["A"], ["a", "AB"], id="class of characters"),
        pytest.param("**/x", ["x", "a/x", "a/b/x"], ["ax"], id="folders before"),
        pytest.param("a/**", ["a/b", "a/b/c"], ["a/", "b/a/c"], id="everything in a folder"),
        pytest.param("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/xb", "c/a/b"], id="folders between"),
        pytest.param("*.yaml\n!keep.yaml", ["a.yaml"], ["keep.yaml", "t/keep.yaml"], id="negation"),
        pytest.param("!a\na", ["a"], ["b"], id="the last one counts"),
        pytest.param("# a\n\n\\#b", ["#b"], ["a", "# a"], id="comments"),
        pytest.param("\\!a", ["!a"], ["a"], id="no negation"),
        pytest.param("a  \nb\\ \nc\\\\ ", ["a", "b ", "c\\"], ["a  ", "b", "c\\ "], id="spaces at the end"),
        pytest.param(" a", [" a"], ["a"], id="spaces at the begin"),
        pytest.param("\ufeffa\r\nb\r\n", ["a", "b"], ["a\r"], id="Windows"),
        pytest.param("a", ["a"], ["A"], id="case"),
        pytest.param("日次/\n*報告*", ["日次/", "x報告.yaml"], ["日次"], id="Japanese"),
        pytest.param("/\n//\n!\n**//\n[", [], ["a", "a/", "a/b", "["], id="nothing"),
        pytest.param("*", ["a", "a/", "a/b"], [], id="everything"),
    ],
)
def test_rules(text: str, left_out: list[str], kept: list[str]) -> None:
    ignoring = read_ignoring(text.encode())
    assert [path for path in left_out + kept if ignoring.leaves_out(path)] == left_out


def test_nothing_comes_back_out_of_a_folder_that_is_left_out() -> None:
    ignoring = read_ignoring(b"drafts/\n!keep.yaml\n")
    assert not ignoring.leaves_out("drafts/keep.yaml")
    assert ignoring.leaves_out_whole("drafts/keep.yaml")
    assert ignoring.leaves_out_whole("a/drafts/b/c.yaml")
    assert not ignoring.leaves_out_whole("a/drafts.yaml")


def test_names_that_are_no_utf_8() -> None:
    assert read_ignoring(b"caf\xe9.yaml").leaves_out("caf\udce9.yaml")


def test_equal_is_what_holds_the_same() -> None:
    assert read_ignoring(b"a") == read_ignoring(b"a") != read_ignoring(b"a\n")
    assert read_ignoring(b"") != NOTHING
    assert not read_ignoring(b"# nothing\n")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"#" * (LARGEST_IGNORE + 1), "larger than 32 KiB", id="bytes"),
        pytest.param(b"a\n" * (MOST_PATTERNS + 1), "holds more than 1,000 patterns", id="patterns"),
        pytest.param("drafts/".encode("utf-16"), "is not UTF-8 text", id="UTF-16"),
    ],
)
def test_what_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read_ignoring(content)


def test_as_much_as_may_be() -> None:
    assert read_ignoring(b"#\n" * (LARGEST_IGNORE // 4) + b"a\n" * MOST_PATTERNS).leaves_out("a")


def test_lines_that_match_nothing_are_told() -> None:
    file = SourceFile.of(f"jobs.d/{IGNORE}", b"a\n[b\n[[:x:]]\nc\\\n!\n")
    assert [(problem.line, problem.rule, problem.severity) for problem in ignoring_problems(file)] == [
        (line, "invalid-pattern", "warning") for line in (2, 3, 4, 5)
    ]


NAMES = ["a" * 254 + "c", "/".join(["a" * 250] * 16), "/".join("a" * 2_000), "report.yaml"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a*" * 120 + "b", id="stars"),
        pytest.param("*a" * 120 + "b", id="stars first"),
        pytest.param("?*" * 120 + "b", id="any and stars"),
        pytest.param("[a-z]*" * 60 + "!", id="brackets and stars"),
        pytest.param("**/a/" * 300 + "b", id="folders"),
        pytest.param("**/*/" * 200 + "b", id="folders and stars"),
        pytest.param("/".join(["**", "a*a*a*a*b"] * 100), id="stars in folders"),
        pytest.param("/**" * 1_000 + "/b", id="folders alone"),
        pytest.param("*" * 10_000 + "b", id="one long star"),
        pytest.param("\n".join(["*a*a*a*a*a*a*a*b"] * MOST_PATTERNS), id="many"),
    ],
)
def test_no_pattern_takes_long(text: str) -> None:
    """In processor time; a regular expression that goes back would take years."""
    began = time.thread_time()
    ignoring = read_ignoring(text.encode())
    assert not any(ignoring.leaves_out(name) for name in NAMES)
    assert time.thread_time() - began < 2
