"""The Dockerfile without Docker: what it says, and its steps carried out below an empty folder.

    steps = read(text)
    image = carry_out(steps, context, folder, user=65534)
    image.env["PATH"], image.root / "app"

Each stage has a root of its own; the paths that the steps name are below it. Of the base image nothing is there but its
Python: a copy of the one that runs the tests, with pip.
"""

import json
import os
import re
import shlex
import shutil
import string
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import pip

OWN = re.compile(r"/(?=(?:app|opt|src|usr/local)\b)")
"""Where a path begins that is the image's own."""
LIBRARY = f"lib/python{sys.version_info.major}.{sys.version_info.minor}"
LEFT_OUT = shutil.ignore_patterns("__pycache__", "site-packages", "test", "tests", "idlelib", "config-*", "*.a")
"""The image python:…-slim leaves out tests and bytecode, too."""


@dataclass(frozen=True, slots=True)
class Step:
    word: str
    flags: dict[str, str]
    rest: str

    @property
    def command(self) -> list[str]:
        """What is written in exec form."""
        command: list[str] = json.loads(self.rest)
        return command


@dataclass(slots=True)
class Image:
    root: Path
    env: dict[str, str]
    folder: str = "/"
    """Where commands run."""
    said: dict[str, Step] = field(default_factory=dict)
    """The last step of each word."""

    def here(self, text: str) -> str:
        """`text` with its paths below the root."""
        return OWN.sub(lambda found: f"{self.root}/" if _begins(text, found.start()) else "/", text)


def _begins(text: str, at: int) -> bool:
    return at == 0 or not re.match(r"[\w.-]", text[at - 1])


def read(text: str) -> list[Step]:
    lines = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [_step(line) for line in joined.splitlines() if line.strip()]


def _step(line: str) -> Step:
    word, _, rest = line.partition(" ")
    flags = {}
    while flag := re.match(r"\s*--([a-z-]+)=(\S+)\s+", rest):
        flags[flag[1]] = flag[2]
        rest = rest[flag.end() :]
    return Step(word, flags, rest.strip())


def stages(steps: Iterable[Step]) -> list[list[Step]]:
    """What follows each FROM, with it."""
    found: list[list[Step]] = []
    for step in steps:
        if step.word == "FROM":
            found.append([])
        if found:
            found[-1].append(step)
    return found


def pairs(step: Step) -> dict[str, str]:
    """Of ARG, ENV and LABEL."""
    return dict(one.split("=", 1) for one in shlex.split(step.rest))


class Ignored:
    """What a .dockerignore keeps from the builder: the last line that fits a path or a folder above it decides."""

    def __init__(self, text: str) -> None:
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        self._lines = [(not line.startswith("!"), _pattern(line.removeprefix("!"))) for line in lines]

    def __call__(self, path: str) -> bool:
        above = [path, *map(str, PurePosixPath(path).parents[:-1])]  # the context itself is no folder to be left out
        verdicts = [ignored for ignored, pattern in self._lines if any(map(pattern.fullmatch, above))]
        return bool(verdicts) and verdicts[-1]


def _pattern(line: str) -> re.Pattern[str]:
    """Lines begin at the root, unlike those of a .gitignore."""
    return re.compile(re.escape(line).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*"))


def sources(step: Step) -> list[str]:
    *found, _ = shlex.split(step.rest)
    return found


def files_below(root: Path) -> Iterator[Path]:
    return (path for path in root.rglob("*") if path.is_file())


def carry_out(
    steps: Sequence[Step], context: Path, ignored: Ignored, folder: Path, *, user: int | None, **given: str
) -> Image:
    """The last stage; the others are gone. Commands are run by `user`; `given` are the arguments of the build."""
    variables: dict[str, str] = {}
    image = Image(folder / "root", {})
    names: list[str] = []
    for step in steps:
        text = string.Template(step.rest).safe_substitute(variables | image.env)
        match step.word:
            case "ARG":
                name, _, default = text.partition("=")
                variables[name] = given.get(name, default)
            case "FROM":
                if names:
                    image.root.rename(folder / names[-1])
                image = Image(folder / "root", _base_environment(folder / "root/usr/local"))
                _copy_python(image.root / "usr/local")
                _give(image.root, user)
                names.append(text.partition(" AS ")[2])
            case "ENV":
                image.env |= {name: image.here(value) for name, value in pairs(Step("ENV", {}, text)).items()}
            case "WORKDIR":
                image.folder = text
                (image.root / text.lstrip("/")).mkdir(parents=True, exist_ok=True)
                _give(image.root, user)
            case "COPY":
                _copy(step, image, folder if "from" in step.flags else context, ignored)
                _give(image.root, user)
            case "RUN":
                _run(image, text, user)
            case _:
                image.said[step.word] = Step(step.word, step.flags, text)
    for name in filter(None, names):
        shutil.rmtree(folder / name)
    return image


def _base_environment(prefix: Path) -> dict[str, str]:
    return {"PATH": f"{prefix}/bin:{os.defpath}", "LD_LIBRARY_PATH": f"{prefix}/lib"}


def _copy_python(prefix: Path) -> None:
    base = Path(sys.base_prefix)
    shutil.copytree(base / LIBRARY, prefix / LIBRARY, ignore=LEFT_OUT)
    for shared in (base / "lib").glob("libpython*.so*"):
        shutil.copy(shared, prefix / "lib")
    (prefix / "bin").mkdir()
    shutil.copy(os.path.realpath(sys.executable), prefix / "bin/python")
    shutil.copytree(Path(pip.__file__).parent, prefix / LIBRARY / "site-packages/pip")


def _copy(step: Step, image: Image, context: Path, ignored: Ignored) -> None:
    target = Path(image.here(f"{shlex.split(step.rest)[-1]}"))
    target = Path(image.root, image.folder.lstrip("/"), target)
    for source in sources(step):
        if name := step.flags.get("from"):
            shutil.copytree(context / name / source.lstrip("/"), target, symlinks=True)
        elif (context / source).is_dir():
            for file in files_below(context / source):
                if not ignored(str(file.relative_to(context))):
                    _copy_file(file, target / file.relative_to(context / source))
        else:
            assert not ignored(source), source
            _copy_file(context / source, target / source if step.rest.endswith("/") else target)


def _copy_file(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    target.chmod(0o644)


def _give(root: Path, user: int | None) -> None:
    """What the builder makes belongs to the user that the steps are run by."""
    if user is not None:
        for path in (root, *root.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)


def _run(image: Image, script: str, user: int | None) -> None:
    ours = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}  # where packages come from
    done = subprocess.run(
        ["sh", "-euc", image.here(script)],
        cwd=Path(image.root, image.folder.lstrip("/")),
        env=ours | image.env | {"HOME": str(image.root), "PIP_NO_CACHE_DIR": "1"},
        user=user, group=user, extra_groups=None if user is None else [],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
