"""Lines of a file beside a problem: which, how long, and what they don't tell."""

import pytest

from myscheduler.core.access.tokens import ID_BYTES, SECRET_BYTES, new_token
from myscheduler.core.explain.excerpt import LONGEST_LINE, Excerpt, excerpt
from myscheduler.core.source.snapshot import SourceFile
from myscheduler.core.source.yaml import YamlError, read_documents

FIVE = "a\nb\nc\nd\ne\n"


def of(content: str | bytes, line: int, before: int = 1, after: int = 1) -> Excerpt:
    raw = content.encode() if isinstance(content, str) else content
    return excerpt(SourceFile.of("a.yaml", raw), line, before=before, after=after)


@pytest.mark.parametrize(
    ("line", "before", "after", "first", "lines"),
    [
        pytest.param(3, 1, 1, 2, "bcd", id="amid"),
        pytest.param(1, 3, 1, 1, "ab", id="at the top"),
        pytest.param(5, 1, 3, 4, "de", id="at the end"),
        pytest.param(6, 2, 2, 4, "de", id="behind the end"),
        pytest.param(9, 2, 2, 7, "", id="far behind it"),
        pytest.param(3, 0, 0, 3, "c", id="alone"),
        pytest.param(3, 100, 100, 1, "abcde", id="all"),
    ],
)
def test_which_lines(line: int, before: int, after: int, first: int, lines: str) -> None:
    assert of(FIVE, line, before, after) == Excerpt(first, tuple(lines), 5)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("content", ["a: 1{0}b: 2{0}c: [", "a: 1{0}{0}c: [{0}", "{0}{0}c: ["])
def test_lines_are_counted_as_yaml_counts_them(content: str, end: str) -> None:
    text = content.format(end)
    with pytest.raises(YamlError) as caught:
        list(read_documents(text))
    shown = of(text, 3, 0, 0)
    assert (shown.lines, caught.value.line >= 3) == (("c: [",), True)


@pytest.mark.parametrize(
    ("content", "lines"), [("", ()), ("a", ("a",)), ("\n", ("",)), ("\n\n", ("", "")), ("\ufeffa", ("a",))]
)
def test_small_files(content: str, lines: tuple[str, ...]) -> None:
    assert of(content, 1, 0, 5) == Excerpt(1, lines, len(lines))


def test_what_is_not_utf8() -> None:
    assert of("名前".encode("cp932"), 1).lines[0].count("\ufffd") > 0


def test_a_long_line_is_cut() -> None:
    (line,) = of("x" * 10_000, 1).lines
    assert (len(line), line[-1]) == (LONGEST_LINE, "…")


def test_tokens_of_this_service_are_masked() -> None:
    """A whole one in access.yaml is a problem whose lines are shown, and an editor may be given less than it has."""
    token = new_token(bytes(range(ID_BYTES + SECRET_BYTES)))
    assert of(f"- {token.text} # mine", 1).lines == (f"- msk_{token.token_id}_•••• # mine",)
