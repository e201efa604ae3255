"""Lines of the shell: words, quotes, variables, and what is refused. Real `sh` is the judge of quoting."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myscheduler.core.shell import ShellError, as_manifest_text, expand, is_marked, marked, read_commands

VARIABLES = {"A": "one two", "B": "${x}"}


def _value_of(name: str) -> str:
    return VARIABLES.get(name, marked(name))


def _words(line: str) -> list[tuple[str, list[str]]]:
    """What stands before each command, and its words."""
    return [
        (one.before, [as_manifest_text(expand(word, _value_of)) for word in one.words]) for one in read_commands(line)
    ]


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
    assert as_manifest_text(expand(command.words[1], _value_of)) == "x${secret:C-2}"


def test_what_is_marked() -> None:
    assert [is_marked(text) for text in (marked("C-2"), "C", f"x{marked('C')}", "")] == [True, False, False, False]


def test_redirections() -> None:
    (command,) = read_commands("a >x 2>>'y z' <in 2>&1 b")
    redirections = [(operator, expand(word, _value_of)) for operator, word in command.redirections]
    assert redirections == [(">", "x"), ("2>>", "y z"), ("<", "in"), ("2>&", "1")]
    assert len(command.words) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("a 'b", "a ' is not closed", id="open quote"),
        pytest.param('a "b', 'a " is not closed', id="open double quote"),
        pytest.param("a $(echo -n u:hunter2 | base64)", "$(…) is computed by the shell", id="substitution"),
        pytest.param('a "`echo hunter2`"', "`…` is computed by the shell", id="back quotes"),
        pytest.param("a ${A:-hunter2}", "${…} is computed by the shell", id="default of a variable"),
        pytest.param("a $'hunter2\\n'", "$'…' is computed by the shell", id="quotes of bash"),
        pytest.param("a $?", "$? is computed by the shell", id="status"),
        pytest.param("a $1", "$1 is an argument of a script", id="argument"),
        pytest.param('a "pa$5hunter2"', "$5 is an argument of a script", id="argument within a password"),
        pytest.param("(a; b)", "commands in ( )", id="subshell"),
        pytest.param("a <<EOF", "text in << lines", id="here document"),
        pytest.param("a >", "nothing stands behind >", id="redirection to nowhere"),
    ],
)
def test_refused(line: str, message: str) -> None:
    with pytest.raises(ShellError) as refused:
        read_commands(line)
    assert message in str(refused.value)
    assert "hunter2" not in str(refused.value)


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
    words = [expand(word, _value_of) for word in commands[0].words]
    assert done.stdout.decode() == "".join(f"{word}\n" for word in words[2:])
