"""Whole outputs that are kept as files.

`GOLDEN=write pytest …` writes them anew: read the difference before it goes in.
"""

import os
from pathlib import Path

from tests.support.checkout import ROOT

FOLDER = ROOT / "tests/cli/golden"


def expect(name: str, text: str, folder: Path = FOLDER) -> None:
    """The text is that of the golden file, to the letter."""
    path = folder / name
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text("utf-8")
