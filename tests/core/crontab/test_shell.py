"""Lines of the shell: words, quotes, variables, and what is refused. Real `sh` is the judge of quoting."""

import contextlib
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.crontab.shell import ShellError, read_commands
from myscheduler.core.crontab.shell_text import Values, as_manifest_text, code_marked, expand, fields, is_marked, marked

VARIABLES = {"A": "one two", "B": "${x}"}


def _value_of(name: str) -> str:
    return VARIABLES.get(name, marked(name))


VALUES = Values(_value_of, lambda path: marked(path.rpartition("/")[2]), code_marked, str)


def _words(line: str) -> list[tuple[str, list[str]]]:
    """What stands before each command, and its words."""
    return [(one.before, [as_manifest_text(expand(word, VALUES)) for word in one.words]) for one in read_commands(line)]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("a b  c", [("", ["a", "b", "c"])], id="words"),
        pytest.param("a 'b c' \"d e\" f\\ g", [("", ["a", "b c", "d e", "f g"])], id="quotes"),
        pytest.param("a '' \"\"", [("", ["a", "", ""])], id="empty words"),
        pytest.param("""a 'it'"'"'s' "\\"\\$A\\\\\\n" """, [("", ["a", "it's", '"$A\\\\n'])], id="escapes"),
        pytest.param(
            "a $A \"$A\" '$A' ${A}b \\$A", [("", ["a", "one two", "one two", "$A", "one twob", "$A"])], id="$A"
        ),
        pytest.param("a $C", [("", ["a", "${secret:C}"])], id="variable that nobody sets"),
        pytest.param("a '${x}' $B", [("", ["a", "$${x}", "$${x}"])], id="what looks like a reference is escaped"),
        pytest.param("a 5$ 'x'$", [("", ["a", "5$", "x$"])], id="dollars"),
        pytest.param(
            "a && b || c; d | e & f",
            [("", ["a"]), ("&&", ["b"]), ("||", ["c"]), (";", ["d"]), ("|", ["e"]), ("&", ["f"])],
            id="operators",
        ),
        pytest.param("a b#c # d | e\nf", [("", ["a", "b#c"]), (";", ["f"])], id="comments"),
        pytest.param("a?b=1&c=2", [("", ["a?b=1"]), ("&", ["c=2"])], id="& ends a command"),
        pytest.param("a > /dev/null 2>&1", [("", ["a"])], id="redirections are no words"),
        pytest.param("a 2 >x &>y", [("", ["a", "2"])], id="a number of its own is one"),
    ],
)
def test_words(line: str, words: list[tuple[str, list[str]]]) -> None:
    assert _words(line) == words


def test_marks_are_text_to_a_shell_that_reads_them_again() -> None:
    (command,) = read_commands(f"a x{marked('C-2')}")
    assert as_manifest_text(expand(command.words[1], VALUES)) == "x${secret:C-2}"


def test_what_is_marked() -> None:
    assert [is_marked(text) for text in (marked("C-2"), "C", f"x{marked('C')}", "")] == [True, False, False, False]


def test_redirections() -> None:
    (command,) = read_commands("a >x 2>>'y z' <in 2>&1 b")
    redirections = [(operator, expand(word, VALUES)) for operator, word in command.redirections]
    assert redirections == [(">", "x"), ("2>>", "y z"), ("<", "in"), ("2>&", "1")]
    assert len(command.words) == 2


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("$A", ["one", "two"], id="parted"),
        pytest.param('"$A"', ["one two"], id="quoted"),
        pytest.param("x$A'y'", ["xone", "twoy"], id="amid text"),
        pytest.param("a $EMPTY b", ["a", "b"], id="empty"),
        pytest.param('a "$EMPTY" b', ["a", "", "b"], id="empty in quotes"),
        pytest.param("x$SPACES'y'", ["x", "a", "y"], id="white space at the ends"),
    ],
)
def test_values_are_parted_at_white_space(line: str, words: list[str]) -> None:
    values = {"A": "one two", "EMPTY": "", "SPACES": " a "}
    (command,) = read_commands(line)
    found = [text for word in command.words for text in fields(word, Values(values.__getitem__, str, code_marked, str))]
    assert found == words
    done = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {line}"], capture_output=True, check=True, env=values, encoding="utf-8"
    )
    assert done.stdout == "".join(f"{word}\n" for word in words)


@pytest.mark.parametrize(
    ("line", "text"),
    [
        pytest.param(r"$'a\tb\\c'", "a\tb\\c", id="letters"),
        pytest.param(r"$'\x41\101\u65e5\U0001F600'", "AA日😀", id="numbers"),
        pytest.param(r"x$'it\'s'y", "xit'sy", id="a quote"),
        pytest.param(r"$'\z'", "\\z", id="no escape"),
    ],
)
def test_quotes_of_bash(line: str, text: str) -> None:
    (command,) = read_commands(line)
    assert expand(command.words[0], VALUES) == text


def test_groups() -> None:
    first, second = read_commands("( a; b >x ) 9>lock && { c; }; d")[:2]
    assert [[len(one.words), one.after] for one in first.group] == [[1, ";"], [1, ";"]]
    assert (first.is_subshell, first.after, [operator for operator, _ in first.redirections]) == (True, "&&", ["9>"])
    assert (second.is_subshell, second.before, len(second.group)) == (False, "&&", 1)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("a > log.$(date +%F) b", id="command"),
        pytest.param('a "$(echo ")" \'(\')" $((1 + (2))) `x \\` y` b', id="quotes within"),
        pytest.param("a ${A:-$(x)} $[1] b", id="braces and brackets"),
        pytest.param("a $? $! $RANDOM b", id="special variables"),
    ],
)
def test_what_is_computed_ends_where_it_ends(line: str) -> None:
    (command,) = read_commands(line)
    assert command.words[-1] == ("b",)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        pytest.param("$(cat /run/secrets/a)", "a", id="cat"),
        pytest.param("`cat '/etc/a'`", "a", id="back quotes"),
        pytest.param("$(< $HOME/a)", "a", id="bash"),
        pytest.param("$(cat a 2>/dev/null)", "a", id="errors to nowhere"),
        pytest.param("$(head -n 1 a)", "a", id="head"),
        pytest.param("$(cat '/etc/a-b')", "a-b", id="quotes"),
        pytest.param("$(sudo cat /etc/a | tr -d '\\n')", "a", id="line breaks"),
        pytest.param('"$(tr -d "\\r\\n" < "$HOME/a")"', "a", id="line breaks of the input"),
    ],
)
def test_the_content_of_a_file(line: str, name: str) -> None:
    assert _words(f"x {line}") == [("", ["x", f"${{secret:{name}}}"])]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("a $(echo -n u:hunter2 | base64)", "$(…) is computed by the shell", id="substitution"),
        pytest.param('a "`echo hunter2`"', "`…` is computed by the shell", id="back quotes"),
        pytest.param("a ${A:-hunter2}", "${…} is computed by the shell", id="default of a variable"),
        pytest.param("a $(cat a hunter2)", "$(…) is computed by the shell", id="two files"),
        pytest.param("a $?", "$? is computed by the shell", id="status"),
        pytest.param("a $RANDOM", "$RANDOM is computed by the shell", id="chance"),
    ],
)
def test_what_is_computed_is_no_text_for_a_manifest(line: str, message: str) -> None:
    with pytest.raises(ShellError) as refused:
        _words(line)
    assert message in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("a 'b", "a ' is not closed", id="open quote"),
        pytest.param('a "b', 'a " is not closed', id="open double quote"),
        pytest.param("a $(hunter2", "a $( is not closed", id="open substitution"),
        pytest.param("a `hunter2", "a ` is not closed", id="open back quote"),
        pytest.param("a $'hunter2", "a $' is not closed", id="open quote of bash"),
        pytest.param("a $'\\xff'", "has an escape that is no valid character", id="no character"),
        pytest.param("a $1", "$1 is an argument of a script", id="argument"),
        pytest.param('a "pa$5hunter2"', "$5 is an argument of a script", id="argument within a password"),
        pytest.param("(a; b", "a ( is not closed", id="open subshell"),
        pytest.param("{ a; b", "a { is not closed", id="open group"),
        pytest.param("a; b )", "a ) closes nothing", id="closed subshell"),
        pytest.param("f() { a; }", "a ( inside a command", id="function"),
        pytest.param("(a) b", "a word follows ( )", id="word behind a group"),
        pytest.param("(" * 30, "nested too deeply", id="deep groups"),
        pytest.param("a <<EOF", "here-documents", id="here document"),
        pytest.param("a >", "nothing follows >", id="redirection to nowhere"),
        pytest.param("a > >(b)", "nothing follows >", id="redirection to a command"),
    ],
)
def test_refused(line: str, message: str) -> None:
    with pytest.raises(ShellError) as refused:
        read_commands(line)
    assert message in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("piece", ["$(", "(", '"$(', "`", "$'", "'", "${", "{ ", "\\", "$((", '"'])
def test_long_lines_are_read_in_linear_time(piece: str) -> None:
    """A line is at most 10,000 characters; what grows with its square would take minutes here."""
    with contextlib.suppress(ShellError):
        read_commands("a " + piece * 100_000)


_PIECES = st.lists(
    st.sampled_from(["a", " ", "'", '"', "\\", "${A}", "#", "日", "=", "'b c'", '"$A d"', "%"]), max_size=8
)


@settings(max_examples=60)
@given(_PIECES.map("".join))
def test_words_are_those_of_the_shell(line: str) -> None:
    try:
        commands = read_commands(f"printf '%s\\n' x {line}")
    except ShellError:
        return
    done = subprocess.run(
        ["sh", "-f", "-c", f"IFS=; printf '%s\\n' x {line}"],
        capture_output=True, check=False, env={"A": VARIABLES["A"], "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0
    words = [expand(word, VALUES) for word in commands[0].words]
    assert done.stdout.decode() == "".join(f"{word}\n" for word in words[2:])
