"""The page comes up in a browser, under its policy, wherever it is served."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.support.browser import Pages
from tests.support.service import Service


def test_the_page_comes_up(pages: Pages) -> None:
    page = pages.open("/ui/")
    page.get_by_role("main").wait_for()
    pages.shoot(page, "shell")


@pytest.mark.parametrize("path", ["/ui/", "/ui/jobs"])
def test_behind_a_prefix(pages: Pages, start: Callable[..., Service], path: str) -> None:
    service = start(has_jobs=False, MYSCHEDULER_ROOT_PATH="/team/scheduler", MYSCHEDULER_NAME="本番")
    page = pages.open(f"/team/scheduler{path}", service=service)
    page.get_by_role("main").wait_for()
    expect(page).to_have_title(re.compile(" · 本番$"))
