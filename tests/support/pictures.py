"""Pictures that are kept as files, and compared with a tolerance.

`GOLDEN=write pytest …` writes them anew: look at them before they go in.
"""

import io
import os
from pathlib import Path

from PIL import Image, ImageChops

from tests.support.checkout import ROOT

FOLDER = ROOT / "tests/web/golden"
LEAST_DIFFERENCE = 32
"""Of 255, in one of the colours: less is another rounding of an edge."""
MOST_SHARE = 0.001
"""Of the pixels that may differ by more."""


def expect_picture(name: str, picture: bytes, folder: Path = FOLDER) -> None:
    """The picture looks like the one that is kept as `name`.png; else it is written beside that, as `.new.png`."""
    path = folder / f"{name}.png"
    if os.environ.get("GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_small(picture))
    assert path.exists(), f"{path} is missing: GOLDEN=write makes it"
    share = difference(path.read_bytes(), picture)
    if share > MOST_SHARE:
        new = path.with_suffix(".new.png")
        new.write_bytes(picture)
        raise AssertionError(f"{share:.2%} of {path} looks different: compare it with {new}")


def _small(picture: bytes) -> bytes:
    """With 256 colours, which are near enough to those of a page."""
    content = io.BytesIO()
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(
        content, "PNG", optimize=True
    )
    return content.getvalue()


def difference(one: bytes, other: bytes) -> float:
    """The share of the pixels that differ; 1 for pictures of different sizes."""
    first, second = (Image.open(io.BytesIO(picture)).convert("RGB") for picture in (one, other))
    if first.size != second.size:
        return 1.0
    bands = ImageChops.difference(first, second).split()
    most = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    return sum(most.histogram()[LEAST_DIFFERENCE:]) / (first.size[0] * first.size[1])
