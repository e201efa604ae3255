"""The pages of the dashboard with content, as tests look at each of them.

    @pytest.mark.parametrize("name", SHOWN)
    def test_it_has_a_heading(show: Show, name: str) -> None:
        expect(show(name, locale="ja-JP").get_by_role("heading", level=1)).to_have_count(1)

`SHOWN` has one entry for each route of the dashboard's entry module, and the question for a token.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from playwright.sync_api import Page, expect

from tests.support.browser import Pages
from tests.support.chained import WRONG
from tests.support.service import Service

SIGN_IN = "sign-in"
MANIFEST = (
    "job_id: brand-new\nname: 新しいジョブ\ntarget_url: https://example.com/a\ncron: 0 5 * * *\ntimezone: Asia/Tokyo\n"
)
"""What is typed on the page that says what a manifest would do."""


@dataclass(frozen=True)
class Shown:
    """A page and how its content gets there."""

    route: str
    """As the dashboard's entry module declares it; empty for the question for a token."""
    content: str
    """A selector of what is there once the page has its content."""
    id_of: Callable[[Service], str] | None = None
    """What stands for `:id` in the route."""
    open_up: Callable[[Page], None] | None = None
    """What a viewer does to see more of it."""
    is_of_chains: bool = False
    """Whether it is a page of the service with chains."""

    def path(self, service: Service) -> str:
        route = self.route.replace(":id", self.id_of(service)) if self.id_of else self.route
        return f"/ui{route or '/'}"

    def wait(self, page: Page) -> None:
        """Show what there is, and wait for it."""
        if self.open_up:
            self.open_up(page)
        expect(page.locator(self.content).first).to_be_visible()


class Show:
    """Opens pages by their names in `SHOWN`, and waits for their content."""

    def __init__(self, pages: Pages, guarded: Service, chained: Service) -> None:
        self.pages = pages
        self.guarded = guarded
        """A service that asks for a token."""
        self.chained = chained
        """A service with chains."""

    def __call__(self, name: str, **options: Any) -> Page:
        """`options` are those of `Pages.open`."""
        usual = self.guarded if name == SIGN_IN else self.chained if SHOWN[name].is_of_chains else self.pages.service
        service = options.pop("service", usual)
        page = self.pages.open(SHOWN[name].path(service), service=service, **options)
        SHOWN[name].wait(page)
        return page


def _failing_job(service: Service) -> str:
    return str(service.job("stock-import")["job_id"])


def _newest_execution(service: Service) -> str:
    return str(service.executions("stock-import")[0]["execution_id"])


def _open_incident(service: Service) -> str:
    return str(service.job("stock-import")["incidents"][0]["incident_id"])


def _chain_gone_wrong(service: Service) -> str:
    return str(service.executions(WRONG)[0]["chain_id"])


def _ask_for_the_plan(page: Page) -> None:
    page.get_by_role("textbox").fill(MANIFEST)
    page.locator("button.primary").click()


def _open_a_change(page: Page) -> None:
    page.locator(".audit details summary").first.click()


def _scroll_to_the_problem(page: Page) -> None:
    page.locator(".file").first.scroll_into_view_if_needed()


SHOWN = {
    "now": Shown("/", "figure .bar"),
    "jobs": Shown("/jobs", ".rows [data-key] .badge"),
    "job": Shown("/jobs/:id", "path.crosses", id_of=_failing_job),
    "job-graph": Shown("/jobs/:id/graph", "a.node", id_of=lambda _: "close", is_of_chains=True),
    "executions": Shown("/executions", "table.ledger tbody tr"),
    "execution": Shown("/executions/:id", "figure rect", id_of=_newest_execution),
    "chain": Shown("/chains/:id", "a.node.bad", id_of=_chain_gone_wrong, is_of_chains=True),
    "incidents": Shown("/incidents", "table.incidents tbody tr"),
    "incident": Shown("/incidents/:id", ".facts", id_of=_open_incident),
    "source": Shown("/source", ".code", open_up=_scroll_to_the_problem),
    "forecast": Shown("/forecast", "figure .heat"),
    "plan": Shown("/plan", ".fires", open_up=_ask_for_the_plan),
    "audit": Shown("/audit", ".audit table", open_up=_open_a_change),
    SIGN_IN: Shown("", "input[type=password]"),
}
