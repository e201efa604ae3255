"""What holds for each page with its content: rules of accessibility, and room for it on any screen."""

import re

import pytest

from tests.support.browser import Pages
from tests.support.checkout import ROOT
from tests.support.room import lost, space_texts, unreachable
from tests.support.routes_shown import SHOWN, Show

LOCALES = {"en": "en-GB", "ja": "ja-JP"}
EVERY = [pytest.param(name, LOCALES[code], id=f"{name}-{code}") for name in SHOWN for code in LOCALES]


def test_no_page_is_missing() -> None:
    entry = (ROOT / "myscheduler/web/static/main.js").read_text("utf-8")
    routes = re.findall(r'^route\("([^"]+)"', entry, re.MULTILINE)
    assert [shown.route for shown in SHOWN.values() if shown.route] == routes


@pytest.mark.parametrize(("name", "locale"), EVERY)
def test_rules_of_accessibility(show: Show, name: str, locale: str) -> None:
    page = show(name, locale=locale)
    for width in (1280, 375):
        page.set_viewport_size({"width": width, "height": 800})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            show.pages.check_accessibility(page)
            show.pages.shoot(page, f"{name}-{locale}-{width}-{scheme}", whole=True)
        assert not lost(page), lost(page)


@pytest.mark.parametrize(("name", "locale"), EVERY)
def test_magnified(show: Show, name: str, locale: str) -> None:
    """At 200 % (half of 1280 × 800) and at 400 % (WCAG 1.4.10), with and without the viewer's distances in texts."""
    page = show(name, locale=locale, width=640, height=400, scale=2)
    for width, height in ((640, 400), (320, 256)):
        page.set_viewport_size({"width": width, "height": height})
        assert not lost(page), lost(page)
        assert not unreachable(page), unreachable(page)
        assert page.locator("header.top").bounding_box()["height"] < 100  # type: ignore[index]
        show.pages.shoot(page, f"{name}-{locale}-{width}-magnified", whole=True)
    space_texts(page)
    for width, height in ((320, 256), (1280, 800)):
        page.set_viewport_size({"width": width, "height": height})
        assert not lost(page), lost(page)
        show.pages.shoot(page, f"{name}-{locale}-{width}-spaced", whole=True)


def test_what_is_lost_would_be_noticed(pages: Pages) -> None:
    page = pages.open("/ui/")
    page.get_by_role("link", name="13 jobs").wait_for()
    assert lost(page) == []
    page.evaluate("""() => {
      const [first, second, third] = document.querySelectorAll(".stat");
      first.style.transform = "translateX(-40px)";
      second.style.cssText = "width: 40px; overflow: hidden; height: 10px";
      third.style.cssText = "position: fixed; inset: 0; z-index: 99";
    }""")
    found = lost(page)
    assert any(one.startswith("outside: A.stat") for one in found)
    assert any(one.startswith("cut: A.stat") for one in found)
    assert len(unreachable(page)) > 10
