"""Draws a forecast as SVG: one heat map for each host, from top to bottom."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from myscheduler.core.load.forecast import Cell, Forecast, HostForecast

_CELL, _GAP = 26, 2
_LEFT, _TOP, _RIGHT = 102, 98, 24
_WIDTH = _LEFT + 24 * (_CELL + _GAP) + _RIGHT
_COLOURS = ("#f1f3f5", "#fff3bf", "#ffd43b", "#ff922b", "#f03e3e", "#a61e4d")
"""The first is for no starts. The others each cover a fifth of the worst minute, or one start where that is small."""
_INK, _FAINT = "#212529", "#868e96"
MOST_HOSTS = 10
"""The most hosts that are drawn, or printed as text."""


def draw(forecast: Forecast, worst: Sequence[Sequence[str]], of_targets: Sequence[str] = ()) -> str:
    """The SVG of the first hosts; `worst` has, for each host, the lines that name its worst minutes. The lines
    `of_targets` stand below.
    """
    shown = forecast.hosts[:MOST_HOSTS]
    heights = [_height(host, lines) for host, lines in zip(shown, worst, strict=False)]
    others = forecast.hosts[MOST_HOSTS:]
    below = sum(heights) + (48 if others else 24)
    total = below + (18 * len(of_targets) + 20 if of_targets else 0)
    root = ET.Element(
        "svg",
        xmlns="http://www.w3.org/2000/svg",
        width=str(_WIDTH),
        height=str(total),
        viewBox=f"0 0 {_WIDTH} {total}",
        attrib={"font-family": "system-ui, 'Noto Sans', 'Noto Sans CJK JP', sans-serif"},
    )
    ET.SubElement(root, "rect", width="100%", height="100%", fill="#ffffff")
    top = 0
    for host, lines, height in zip(shown, worst, heights, strict=False):
        _host(ET.SubElement(root, "g", transform=f"translate(0 {top})"), host, lines, forecast.span.zone)
        top += height
    if others:
        _text(
            root,
            24,
            top + 20,
            f"and {len(others):,} more, with at most {others[0].peak:,} in the worst minute",
            fill=_FAINT,
        )
    for number, line in enumerate(of_targets):
        indent = 6 * (len(line) - len(line.lstrip()))
        _text(root, 24 + indent, below + 18 * number + 4, line.strip(), size=12)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _height(host: HostForecast, lines: Sequence[str]) -> int:
    return _TOP + len(host.days) * (_CELL + _GAP) + 16 + 18 * len(lines) + 20


def _host(group: ET.Element, host: HostForecast, lines: Sequence[str], zone: str) -> None:
    _text(group, 24, 34, host.host, size=18, weight="600")
    load = f"{host.starts:,} starts of {host.jobs:,} jobs; {host.peak:,} in the worst minute"
    _text(group, 24, 60, f"{load}. Each cell is an hour ({zone}), coloured by its worst minute.", fill=_FAINT)
    _legend(group, host.peak)
    for hour in range(0, 24, 3):
        _text(group, _LEFT + hour * (_CELL + _GAP), _TOP - 6, f"{hour:02}", size=11, fill=_FAINT)
    for number, day in enumerate(host.days):
        y = _TOP + number * (_CELL + _GAP)
        _text(group, 24, y + 18, f"{day.date:%a %m-%d}", size=12)
        for hour, cell in enumerate(day.hours):
            if cell is not None:
                _cell(group, _LEFT + hour * (_CELL + _GAP), y, cell, f"{day.date:%a %Y-%m-%d} {hour:02}:00", host.peak)
    bottom = _TOP + len(host.days) * (_CELL + _GAP) + 16
    for number, line in enumerate(lines):
        _text(group, 24 + 12 * line.startswith(" "), bottom + 18 * number + 4, line.strip(), size=12)


def _cell(group: ET.Element, x: int, y: int, cell: Cell, when: str, peak: int) -> None:
    rect = ET.SubElement(
        group, "rect", x=str(x), y=str(y), width=str(_CELL), height=str(_CELL), rx="4", fill=_colour(cell.peak, peak)
    )
    title = ET.SubElement(rect, "title")
    title.text = f"{when}: {cell.peak:,} starts in the worst minute, {cell.starts:,} in the hour"
    if cell.peak:
        ink = "#ffffff" if cell.peak > 0.6 * _scale(peak) else _INK
        label = _text(group, x + _CELL // 2, y + 17, _short(cell.peak), size=10, fill=ink)
        label.set("text-anchor", "middle")
        label.set("pointer-events", "none")


def _legend(group: ET.Element, peak: int) -> None:
    x = _WIDTH - _RIGHT - len(_COLOURS) * 34
    for number, colour in enumerate(_COLOURS):
        ET.SubElement(group, "rect", x=str(x + number * 34), y="12", width="32", height="12", rx="3", fill=colour)
        most = _scale(peak) * number // (len(_COLOURS) - 1)
        label = _text(group, x + number * 34 + 16, 36, _short(most), size=10, fill=_FAINT)
        label.set("text-anchor", "middle")


def _colour(count: int, peak: int) -> str:
    return _COLOURS[-(-count * (len(_COLOURS) - 1) // _scale(peak))]


def _scale(peak: int) -> int:
    return max(peak, len(_COLOURS) - 1)


def _short(count: int) -> str:
    return str(count) if count < 1_000 else f"{count / 1_000:.3g}k"


def _text(
    group: ET.Element, x: int, y: int, text: str, *, size: int = 13, weight: str = "400", fill: str = _INK
) -> ET.Element:
    made = ET.SubElement(
        group, "text", x=str(x), y=str(y), fill=fill, attrib={"font-size": str(size), "font-weight": weight}
    )
    made.text = "".join(char if char.isprintable() else "\ufffd" for char in text)
    return made
