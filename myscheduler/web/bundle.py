"""The files of the dashboard: read once, compressed once, and named by a hash of all of them.

The hash is a part of their URLs, so that browsers keep them for good: a new version has other URLs. Modules import each
other by relative URLs, which inherit it.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import chain
from posixpath import dirname, join, normpath

ENTRY = "app.js"
"""The module that the page loads; it imports the others."""
_THEN = "main.js"
"""The module that `ENTRY` imports as soon as it knows the language."""
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By suffix, written out here, because tables of the machine have other types for some. Other files are not served."""
_COMMENT = re.compile(r"^[ \t]*/\*(?:(?!\*/).)*\*/[ \t]*$|^[ \t]*//[^\n]*$", re.MULTILINE | re.DOTALL)
"""A comment on lines of its own, in a script or a style sheet."""
_AFTER_KEY = re.compile(r'^("[^"\\\n]+"): ', re.MULTILINE)
_BETWEEN_TEXTS = re.compile(r'(?<=",)\n(?=")')
_AROUND_SIGNS = re.compile(r"\s*([{};,])\s*")
_AFTER_COLON = re.compile(r":\s+")
_SPACE = re.compile(r"^\s+", re.MULTILINE)
_LEAST_TO_PACK = 512
"""Bytes. Shorter files are not worth it."""
_IMPORTED = re.compile(
    r"""^(?:import\b(?:[^"'`;()=]*\bfrom)?|export\b[^"'`;()=]*\bfrom)\s*["'](\.{1,2}/[^"']+)["']""", re.MULTILINE
)
"""Static imports, which begin a line, also those over several lines; `import()` is for pages, which load when shown."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, as it is sent."""

    content: bytes
    media_type: str
    packed: bytes | None
    """Compressed with gzip; `None` if that saves nothing."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """All files, by path, with `/` between folders."""

    assets: Mapping[str, Asset]
    digest: str
    """16 hexadecimal digits of a hash of the names and the bytes of all files."""

    def needed_at_first(self) -> list[str]:
        """The modules that are imported at the start, directly or not, in the order in which they are named."""
        found: list[str] = []
        left = [ENTRY, _THEN]
        while left:
            name = left.pop(0)
            if name not in found and name in self.assets:
                found.append(name)
                left += imports_of(name, self.assets[name].content.decode())
        return found[1:]


def imports_of(name: str, source: str) -> list[str]:
    """The paths of the modules that a module imports statically."""
    return [normpath(join(dirname(name), imported)) for imported in _IMPORTED.findall(source)]


def read_bundle() -> Bundle:
    """The files in the package. Raises `OSError`."""
    return bundle_of(dict(_files(files("myscheduler.web").joinpath("static"))))


def bundle_of(contents: Mapping[str, bytes]) -> Bundle:
    """A bundle of files with these names and bytes."""
    ordered = sorted(contents.items())
    parts = chain.from_iterable((name.encode(), content) for name, content in ordered)
    digest = hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).hexdigest()[:16]
    return Bundle({name: _asset(name, content) for name, content in ordered}, digest)


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _files(entry, f"{prefix}{entry.name}/")
        elif _suffix(entry.name) in MEDIA_TYPES and not entry.name.startswith("."):
            yield f"{prefix}{entry.name}", entry.read_bytes()


def lean(source: str) -> str:
    """A script or style sheet without comments, indentation, empty lines, and what parts keys and texts.

    Texts over several lines (templates) would lose their indentation, so scripts have none: a test checks it.
    """
    return _BETWEEN_TEXTS.sub("", _AFTER_KEY.sub(r"\1:", _SPACE.sub("", _COMMENT.sub("", source))))


def lean_style(source: str) -> str:
    """A style sheet without what it does not need: as `lean`, and without spaces around signs and last semicolons."""
    return _AFTER_COLON.sub(":", _AROUND_SIGNS.sub(r"\1", lean(source))).replace(";}", "}")


def _asset(name: str, content: bytes) -> Asset:
    if shorten := {".js": lean, ".css": lean_style}.get(_suffix(name)):
        content = shorten(content.decode()).encode()
    packed = gzip.compress(content, mtime=0) if len(content) >= _LEAST_TO_PACK else None
    return Asset(content, MEDIA_TYPES[_suffix(name)], packed if packed and len(packed) < len(content) else None)


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
