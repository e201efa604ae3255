"""What the viewer's system asks for: forced colours, more contrast, no motion, paper; and what is copied."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Pages
from tests.support.room import lost
from tests.support.routes_shown import Show
from tests.support.service import Service
from tests.support.target import Silence, Target

WITH_STATES = ("now", "jobs", "job", "execution", "chain", "forecast", "source")
CONTRAST = """
  const channels = (color) => color.match(/[\\d.]+/g).slice(0, 3).map((one) => {
    const part = one / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  const light = (color) => { const [r, g, b] = channels(color); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const contrast = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const ground = getComputedStyle(document.body).backgroundColor === "rgba(0, 0, 0, 0)"
    ? getComputedStyle(document.documentElement).backgroundColor
    : getComputedStyle(document.body).backgroundColor;
"""
FAINT = f"""() => {{
  {CONTRAST}
  const found = [];
  const drawn = ".picture rect:not(.heat-0), .mark, .dots, .crosses, .badge .icon, .day .icon, .near";
  for (const node of document.querySelectorAll(drawn)) {{
    if (!node.checkVisibility()) continue;
    const {{ fill, stroke }} = getComputedStyle(node);
    const color = fill === "none" ? stroke : fill;
    if (contrast(color, ground) < 3) found.push(`${{node.getAttribute("class")}}: ${{color}} on ${{ground}}`);
  }}
  return [...new Set(found)];
}}"""
"""What is drawn with too little contrast for WCAG 1.4.11."""
FOCUS = f"""() => {{
  {CONTRAST}
  const {{ outlineStyle, outlineWidth, outlineColor }} = getComputedStyle(document.activeElement);
  const isSeen = outlineStyle !== "none" && parseFloat(outlineWidth) >= 2 && contrast(outlineColor, ground) >= 3;
  return isSeen ? "" : `${{document.activeElement.outerHTML.slice(0, 90)}}: ${{outlineStyle}} ${{outlineColor}}`;
}}"""
MOVING = """() => document.getAnimations().map((one) => one.animationName ?? one.transitionProperty)"""
CUT_ON_PAPER = """(all) => all.filter((one) => one.scrollWidth > one.clientWidth + 1).map((one) => one.ariaLabel)"""
SELECT = """(node) => {
  const range = document.createRange();
  range.selectNodeContents(node);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
}"""


@pytest.mark.parametrize(("name", "is_dark"), [*((name, False) for name in WITH_STATES), ("job", True)])
def test_forced_colours(show: Show, name: str, is_dark: bool) -> None:
    page = show(name, is_dark=is_dark, forced_colors="active")
    assert page.evaluate("() => matchMedia('(forced-colors: active)').matches")
    assert page.evaluate(FAINT) == []
    for badge in page.locator(".badge").all():
        assert badge.inner_text().strip()
        expect(badge.locator(".icon path")).to_have_count(1)
    borders = "(link) => getComputedStyle(link).borderBottomColor"
    current = page.locator(".top nav a[aria-current]")
    assert current.evaluate(borders) != page.locator(".top nav a:not([aria-current])").first.evaluate(borders)
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS) == ""
    show.pages.shoot(page, f"{name}-forced-{'dark' if is_dark else 'light'}", whole=True)


def test_results_differ_without_colours(show: Show) -> None:
    page = show("jobs")
    expect(page.locator(".mark.good").first).to_be_attached()
    good, bad = (float(page.locator(f".mark.{one}").first.get_attribute("height") or 0) for one in ("good", "bad"))
    assert bad > good > 0


def test_more_contrast(show: Show) -> None:
    page = show("job", contrast="more")
    soft, ink = (page.locator(one).first for one in (".detail", "h1"))
    color = "(node) => getComputedStyle(node).color"
    assert soft.evaluate(color) == ink.evaluate(color)
    show.pages.shoot(page, "job-contrast", whole=True)


@pytest.mark.parametrize("moves", [True, False], ids=["motion", "reduced motion"])
def test_nothing_moves_by_itself(pages: Pages, start: Callable[..., Service], moves: bool) -> None:
    """Nor does what is running or what opens."""
    with Target() as target:
        service = start(has_jobs=False)
        target.answers("/a", Silence())
        service.create(job_id="a", target_url=target.url("/a"), interval={"hours": 6}, timeout_sec=600)
        service.trigger("a")
        page = pages.open("/ui/", service=service, moves=moves)
        expect(page.get_by_role("link", name="1 running")).to_be_visible()
        for link in ("Jobs", "Executions", "Source", "Forecast", "Plan", "Audit"):
            page.get_by_role("link", name=link, exact=True).click()
            expect(page.get_by_role("heading", level=1, name=link)).to_be_visible()
            assert page.evaluate(MOVING) == []
        page.goto("/ui/jobs/a")
        expect(page.locator(".badge.busy").first).to_be_visible()
        page.get_by_role("button", name="Run now").click()
        expect(page.get_by_role("dialog")).to_be_visible()
        assert page.evaluate(MOVING) == []


@pytest.mark.parametrize(("name", "drawing"), [("job", ".picture .crosses"), ("chain", "a.node >> nth=0")])
def test_paper(show: Show, name: str, drawing: str) -> None:
    """Dark on white, whatever the viewer's theme; without controls, and as wide as a sheet of A4."""
    page = show(name, is_dark=True)
    page.set_viewport_size({"width": 720, "height": 1000})
    page.emulate_media(media="print", color_scheme="dark")
    assert lost(page) == []
    for control in page.locator("button, nav, input, select").all():
        assert not control.is_visible(), control
    expect(page.locator(drawing)).to_be_visible()
    assert page.locator(".scroll-x").evaluate_all(CUT_ON_PAPER) == []
    ink = page.get_by_role("heading", level=1).evaluate("(node) => getComputedStyle(node).color")
    assert max(map(int, re.findall(r"\d+", ink))) < 64
    show.pages.shoot(page, f"{name}-paper", whole=True)
    assert page.pdf(format="A4").startswith(b"%PDF")


def copied(page: Page) -> list[str]:
    page.keyboard.press("Control+c")
    text: str = page.evaluate("() => navigator.clipboard.readText()")
    return text.strip().splitlines()


@pytest.mark.parametrize(
    ("name", "table", "columns", "row"),
    [
        ("executions", "table.ledger", 6, "stock-import\tfailed\t–\t"),
        ("audit", "table.audit", 4, "\tapi\tcreated api-probe\t3 fields"),
        (
            "jobs",
            ".list",
            6,
            "stock-import team=logistics\tfailing\tevery 6 hours, counted from its first creation\tin ",
        ),
    ],
    ids=["executions", "audit", "jobs"],
)
def test_a_table_is_copied_as_rows_and_columns(show: Show, name: str, table: str, columns: int, row: str) -> None:
    page = show(name)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator(table).evaluate(SELECT)
    lines = copied(page)
    assert any(row in line for line in lines), lines
    assert max(line.count("\t") for line in lines) == columns - 1
