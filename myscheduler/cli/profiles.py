"""Named profiles: the server and token of an environment, in a TOML file of the user.

    [profiles.prod]
    server = "https://scheduler.example.com"
    token_file = "prod.token"

The file is `myscheduler/config.toml` below `$XDG_CONFIG_HOME`, or below `~/.config`.
"""

import os
import stat
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from myscheduler.core.findings.problem import did_you_mean
from myscheduler.errors import SettingError
from myscheduler.machine.causes import reason_of
from myscheduler.settings import checked_token

_KEYS = ("server", "token", "token_file")
_OTHERS = stat.S_IRGRP | stat.S_IROTH
LARGEST = 1_000_000
"""Bytes of a file that is read."""


class Profile(NamedTuple):
    """A profile as it was written."""

    name: str
    server: str
    token: str | None
    exposed: tuple[Path, ...]
    """The files with a token that other users of the machine can read."""


def config_path() -> Path:
    """Where the profiles are written. A relative `XDG_CONFIG_HOME` is ignored, as its specification requires."""
    home = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(home) if Path(home).is_absolute() else Path.home() / ".config") / "myscheduler" / "config.toml"


def read_profile(name: str) -> Profile:
    """The profile of that name. Raises `SettingError` if there is none, or it can't be used."""
    path = config_path()
    profiles = _profiles(path)
    if name not in profiles:
        known = f": it has {', '.join(sorted(profiles))}" if profiles else ""
        message = f"{path} has no profile {name!r}{did_you_mean(name, profiles) or known}"
        raise SettingError(message)
    place = f"{path}, profile {name!r}"
    return _profile(name, profiles[name], path, place)


def profile_names() -> list[str]:
    """The names of all profiles; none if the file can't be used."""
    try:
        return sorted(_profiles(config_path()))
    except SettingError:
        return []


def _profiles(path: Path) -> dict[str, Any]:
    try:
        parsed = tomllib.loads(_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingError(f"{path} is not TOML: {error}") from error
    profiles = parsed.get("profiles", {})
    if not isinstance(profiles, dict):
        raise SettingError(f"{path}: profiles has to be a table: write [profiles.NAME] above the settings of each")
    return profiles


def _profile(name: str, written: Any, path: Path, place: str) -> Profile:
    if not isinstance(written, dict):
        raise SettingError(f"{place} has to be a table: write [profiles.{name}] above its settings")
    for key, value in written.items():
        if key not in _KEYS:
            raise SettingError(f"{place} has an unknown key {key!r}: the keys are {', '.join(_KEYS)}")
        if not isinstance(value, str) or not value.strip():
            raise SettingError(f"{place}: {key} has to be text in quotes")
    if "server" not in written:
        raise SettingError(f'{place} names no server: write server = "https://…"')
    if {"token", "token_file"} <= written.keys():
        raise SettingError(f"{place} has token and token_file: leave one out")
    holder = path
    token = written.get("token")
    if "token_file" in written:
        holder = path.parent / Path(written["token_file"]).expanduser()
        token = _text(holder)
    if token is None:
        return Profile(name, written["server"], None, ())
    token = checked_token(token, f"the token of {place}", "leave it out")
    return Profile(name, written["server"], token, (holder,) if _is_exposed(holder) else ())


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
        text = content.decode()
    except FileNotFoundError as error:
        raise SettingError(f"{path} does not exist: docs/command-line.md shows how to write profiles") from error
    except OSError as error:
        raise SettingError(f"{path} can't be read: {reason_of(error)}") from error
    except UnicodeDecodeError as error:
        raise SettingError(f"{path} is not text in UTF-8") from error
    if len(content) > LARGEST:
        raise SettingError(f"{path} is larger than {LARGEST:,} bytes: it is not a file of settings")
    return text


def _is_exposed(path: Path) -> bool:
    return bool(path.stat().st_mode & _OTHERS)
