"""Files of tests."""

from pathlib import Path


def write(path: Path | str, text: str | bytes = "x") -> Path:
    """Write a file, with the folders above it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
