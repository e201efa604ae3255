"""A page of the docs whose commands are run as they stand there, from the top to the bottom, in one shell.

    examples = examples_of(page.read_text("utf-8"))
    runs = run(examples, folder)
    assert [fault for one in runs for fault in one.faults()] == []

An example is a block of `bash`, and what stands below it, if anything does: a block of `json` (a body), of `http` (a
status line, some of the headers, a body) or of `text` (lines). What is shown may be shortened:

- `…` stands for anything: for a value, for further members or elements, or for a part of a text.
- The real answer may have members that are not shown, and headers.
- Times before 2099 and ids (UUIDs, tokens, digests) stand for any other.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myscheduler.core.findings.problem import cut
from tests.support.patience import PATIENCE
from tests.support.target import Answer, Target

ADDRESS = "127.0.0.1:8003"
"""The address of the service in the pages; the tests put a free port into it."""
SITE = "https://example.com"
"""Where jobs of the API call in the pages; the tests put a server of their own there."""
ANY = "…"

PATIENCE_WITH_ALL = 10 * PATIENCE

_BLOCK = re.compile(
    r"^(?P<hashes>##+) (?P<heading>[^\n]+)$"
    r"|^```bash\n(?P<script>.*?)^```$(?:\n\n?```(?P<kind>json|http|text)\n(?P<shown>.*?)^```$)?",
    re.MULTILINE | re.DOTALL,
)
_RECORDED = """#!/bin/sh
echo "$@" >> "$OUT/$BLOCK.commands"
exec {command} "$@"
"""
_PRELUDE = """
curl() { command curl -q -w '%{stderr}%{http_code} %{method} %{url_effective}\\n' "$@" 2>> "$OUT/$BLOCK.requests"; }
"""
_REQUEST = re.compile(r"(\d{3}) ([A-Z]+) \w+://[^/]+(/[^?]*).*")
"""A status, a method, and a URL."""
_VOLATILE = (
    re.compile(r"20(?!99)\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?( ?(Z|[+-]\d\d:\d\d))?"),
    re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
    re.compile(r"msk_[\w-]+"),
    re.compile(r"\b(sha256:)?[0-9a-f]{12,}\b"),
    re.compile(r"20(?!99)\d\d-\d\d-\d\d"),
)


@dataclass(frozen=True)
class Example:
    section: str
    """The heading above."""
    script: str
    kind: str = ""
    shown: str = ""


@dataclass(frozen=True)
class Request:
    status: int
    method: str
    path: str
    """Without the query."""


@dataclass(frozen=True)
class Run:
    """What became of an example."""

    example: Example
    printed: str
    requests: tuple[Request, ...] = ()
    commands: tuple[str, ...] = ()
    """The arguments of `myscheduler`, each time it was called."""

    def faults(self) -> Iterator[str]:
        """What differs from what the page shows, or is not shown."""
        where = f"{self.example.section}:\n{self.example.script}"
        real = cut(self.printed, 3000)
        if self.printed.strip() and not self.example.kind:
            yield f"{where}prints what is not shown:\n{real}"
        for status in self._unexpected():
            yield f"{where}is answered with {status}:\n{real}"
        if faults := list(self._differences()):
            yield "\n".join([where, *faults, "in:", real])

    def _unexpected(self) -> Iterator[int]:
        """Statuses of failures that the example does not mention."""
        told = self.example.script + self.example.shown
        failed = {one.status for one in self.requests if not 200 <= one.status < 300}
        yield from sorted(status for status in failed if str(status) not in told)

    def _differences(self) -> Iterator[str]:
        shown, printed = self.example.shown, self.printed.replace("\r", "")
        if self.example.kind == "http":
            yield from _of_messages(shown, printed)
        elif self.example.kind == "json":
            yield from differences(parsed(shown), _json(printed))
        elif self.example.kind == "text":
            yield from differences(_words(shown), _words(printed))


def examples_of(text: str) -> list[Example]:
    found, section = [], ""
    for match in _BLOCK.finditer(text):
        if match["heading"]:
            section = match["heading"]
        else:
            found.append(Example(section, match["script"], match["kind"] or "", match["shown"] or ""))
    return found


def introduced(introduction: re.Pattern[str], text: str) -> list[tuple[tuple[str, ...], str]]:
    """What the pattern finds, in the order of the page: its groups, and the heading above."""
    heads = [(match.start(), match[1]) for match in re.finditer(r"^#+ (.+)$", text, re.MULTILINE)]
    return [
        (match.groups(), [heading for start, heading in heads if start < match.start()][-1])
        for match in introduction.finditer(text)
    ]


def slug(heading: str) -> str:
    """What a link to a heading has behind the `#`."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def table_in(mark: str, text: str) -> str:
    """What stands between `<!-- mark -->` and `<!-- /mark -->`."""
    return text.partition(f"<!-- {mark} -->\n")[2].partition(f"<!-- /{mark} -->")[0]


def with_table(mark: str, text: str, table: str) -> str:
    before, start, rest = text.partition(f"<!-- {mark} -->\n")
    _, end, after = rest.partition(f"<!-- /{mark} -->")
    return before + start + table + end + after


def run(examples: Sequence[Example], folder: Path) -> list[Run]:
    """Run all in one shell; what it started ends with it."""
    out = folder / "out"
    out.mkdir()
    blocks = [
        f"export BLOCK={number}\n{{\n{one.script}}} > $OUT/{number}.printed" for number, one in enumerate(examples)
    ]
    with Target() as site:
        site.answers("/no-such-page", Answer(404))
        return _run_all(examples, blocks, out, site)


def _run_all(examples: Sequence[Example], blocks: Sequence[str], out: Path, site: Target) -> list[Run]:
    port = _free_port()
    script = "\n".join([_PRELUDE, *blocks]).replace(ADDRESS, f"127.0.0.1:{port}").replace(SITE, site.url(""))
    shell = subprocess.Popen(
        ["bash", "-euc", script],
        cwd=out.parent, env=_environment(port, out), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        _, errors = shell.communicate(timeout=PATIENCE_WITH_ALL)
    finally:
        _end(shell)
    reached = max((int(one.stem) for one in out.glob("*.printed")), default=0)
    assert shell.returncode == 0, f"{examples[reached].script}\n{errors}"
    real = {f"127.0.0.1:{port}": ADDRESS, site.url(""): SITE, f"127.0.0.1:{site.port}": SITE.removeprefix("https://")}
    return [_run(one, out / str(number), real) for number, one in enumerate(examples)]


def _environment(port: int, out: Path) -> dict[str, str]:
    """Variables of the shell. `myscheduler` is ours, and recorded; nothing in a developer's home is read.

    Tables are as wide as they are: where the tests run says nothing about that, but may have a variable for it.
    """
    command = out / "myscheduler"
    command.write_text(_RECORDED.format(command=Path(sys.executable).parent / "myscheduler"), encoding="utf-8")
    command.chmod(0o755)
    return {
        **{name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}},
        "PATH": os.pathsep.join([str(out), os.environ["PATH"]]),
        "HOME": str(out.parent),
        "XDG_CONFIG_HOME": str(out.parent / ".config"),
        "NO_PROXY": "*",
        "no_proxy": "*",
        "OUT": str(out),
        "MYSCHEDULER_PORT": str(port),
        "MYSCHEDULER_API_PRIVATE_TARGETS": "allow",
        "MYSCHEDULER_BASE_URL": f"http://127.0.0.1:{port}",
    }


def _end(shell: "subprocess.Popen[str]") -> None:
    with suppress(ProcessLookupError):
        os.killpg(shell.pid, signal.SIGKILL)
    shell.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _run(example: Example, files: Path, real: Mapping[str, str]) -> Run:
    """`real` are the addresses of the test, with those that stand in the page."""
    printed = files.with_suffix(".printed").read_text("utf-8")
    for address, shown in real.items():
        printed = printed.replace(address, shown)
    lines = [_REQUEST.fullmatch(line) for line in _lines(files.with_suffix(".requests"))]
    requests = [Request(int(line[1]), line[2], line[3]) for line in lines if line]
    return Run(example, printed, tuple(requests), tuple(_lines(files.with_suffix(".commands"))))


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8").splitlines() if file.exists() else []


def _of_messages(shown: str, printed: str) -> Iterator[str]:
    head, _, body = shown.partition("\n\n")
    real_head, _, real_body = printed.partition("\n\n")
    status, *headers = head.splitlines()
    real_status, *real_headers = real_head.splitlines()
    if status.split()[1] != real_status.split()[1]:
        yield f"{real_status} is not {status}"
    for header in headers:
        if header != ANY and not any(_is_like(header.lower(), one.lower()) for one in real_headers):
            yield f"there is no header {header}"
    if body.strip():
        yield from differences(parsed(body), _json(real_body))


def _words(text: str) -> list[str]:
    """The lines, however their columns are aligned."""
    return [ANY if line.strip() == ANY else re.sub(" +", " ", line).rstrip() for line in text.splitlines()]


def _json(printed: str) -> Any:
    """The text itself where it isn't JSON."""
    try:
        return json.loads(printed)
    except ValueError:
        return printed


def parsed(shown: str) -> Any:
    """JSON in which `…` may stand for a value, an element or further members."""
    open_ones: list[str] = []

    def full(match: re.Match[str]) -> str:
        word = match[0]
        if word in "{[":
            open_ones.append(word)
        elif word in "}]":
            open_ones.pop()
        elif word == ANY:
            before = shown[: match.start()].rstrip()[-1:]
            return f'"{ANY}": "{ANY}"' if open_ones[-1:] == ["{"] and before != ":" else f'"{ANY}"'
        return word

    return json.loads(re.sub(r'"(?:[^"\\]|\\.)*"|[{}\[\]…]', full, shown))


def differences(shown: Any, real: Any, at: str = "") -> Iterator[str]:
    """Where `real` is not what is shown."""
    if shown == ANY:
        return
    if isinstance(shown, dict) and isinstance(real, dict):
        for name, value in shown.items():
            if name in real:
                yield from differences(value, real[name], f"{at}.{name}")
            elif name != ANY:
                yield f"{at}.{name} is missing"
    elif isinstance(shown, list) and isinstance(real, list):
        yield from _of_lists(shown, real, at)
    elif isinstance(shown, str) and isinstance(real, str):
        if not _is_like(shown, real):
            yield f"{at}: {real!r} is not like {shown!r}"
    elif shown != real or isinstance(shown, bool) != isinstance(real, bool):
        yield f"{at}: {real!r} is not {shown!r}"


def _of_lists(shown: list[Any], real: list[Any], at: str) -> Iterator[str]:
    """Elements in their order, with any number of others in the place of `…`."""
    if ANY not in shown:
        if len(shown) != len(real):
            yield f"{at} has {len(real)} elements, not {len(shown)}"
        for number, (one, other) in enumerate(zip(shown, real, strict=False)):
            yield from differences(one, other, f"{at}[{number}]")
        return
    rest = iter(real)
    for element in shown:
        if element != ANY and not any(not list(differences(element, value)) for value in rest):
            yield f"{at} has no {element!r} there"


def _is_like(shown: str, real: str) -> bool:
    pairs = ((shown, real), (_stable(shown), _stable(real)))
    return any(re.fullmatch(re.escape(one).replace(ANY, ".*"), other, re.DOTALL) for one, other in pairs)


def _stable(text: str) -> str:
    """The text with the same word in place of each time and each id."""
    for pattern in _VOLATILE:
        text = pattern.sub("~", text)
    return text
