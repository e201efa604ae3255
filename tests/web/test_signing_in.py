"""Sessions in a real browser: the cookie that it keeps, and for which path."""

from collections.abc import Callable

import pytest

from tests.support.browser import Pages
from tests.support.fleet import token
from tests.support.service import Service

WHO = """async (root) => (await (await fetch(`${root}/api/v1/session`)).json())"""


@pytest.mark.parametrize(
    ("root", "name"), [("", "__Host-myscheduler_session"), ("/team/jobs", "__Secure-myscheduler_session")]
)
def test_the_browser_keeps_the_cookie(pages: Pages, start: Callable[..., Service], root: str, name: str) -> None:
    settings = {"MYSCHEDULER_API_TOKEN": "s3cret", "MYSCHEDULER_API_TOKEN_ROLE": "admin"}
    service = start(has_jobs=False, MYSCHEDULER_ROOT_PATH=root, **settings)
    service.authorize("s3cret")
    ada = token(service, "ada", "operator", ids=["a"])
    page = pages.open(f"{root}/docs", service=service, token=ada)
    who = page.evaluate(WHO, root)
    assert (who["name"], who["role"], who["scope"]) == ("ada", "operator", {"ids": ["a"]})
    (cookie,) = page.context.cookies()
    assert (cookie["name"], cookie["path"]) == (name, root or "/")
    assert cookie["httpOnly"]
    assert cookie["secure"]
    assert cookie["sameSite"] == "Strict"
    assert page.evaluate("() => document.cookie") == ""
