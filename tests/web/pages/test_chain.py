"""A run of a chain: its graph, its line of time and its table; while it runs; and what leads to it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.support.browser import Pages
from tests.support.chained import WRONG, add_jobs, begin, chain, run
from tests.support.fleet import token
from tests.support.room import lost
from tests.support.service import Service
from tests.support.target import Answer, Target

NODES = "a.node"
EDGES = ".graph-box g.edge"
LONG = "受注データの内容の検証とその結果の保存"
"""The name of `check`, which is too long for a box."""
ROWS = "table.chain-jobs tbody tr"


@pytest.fixture
def wrong(chained: Service) -> str:
    """The chain that went partly wrong."""
    return str(chained.executions(WRONG)[0]["chain_id"])


@pytest.fixture
def running(pages: Pages, start: Callable[..., Service], target: Target) -> tuple[Page, Service, str]:
    """A page of a chain that runs, in a service of the test's own."""
    service = start(has_jobs=False)
    pages.service = service
    add_jobs(service, target)
    chain_id = begin(service)
    return pages.open(f"/ui/chains/{chain_id}", service=service), service, chain_id


def node(page: Page, job_id: str) -> Locator:
    return page.locator(f'{NODES}[data-id="{job_id}"]')


def edge(page: Page, number: int) -> Locator:
    return page.locator(EDGES).nth(number)


def at_work(page: Page) -> str:
    """The job whose box has the focus."""
    return str(page.evaluate("() => document.activeElement.getAttribute('data-id') ?? ''"))


def test_a_state_is_told_by_a_word_and_a_sign(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open(f"/ui/chains/{wrong}", service=chained)
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Chain of {WRONG}")
    expect(page.locator(NODES)).to_have_count(6)
    expected = {WRONG: "completed", "check": "failed", "close": "skipped", "repair": "completed", "tidy": "completed"}
    for job_id, state in expected.items():
        expect(node(page, job_id).locator(".under")).to_have_text(re.compile(f"^{state}"))
    signs = {job_id: node(page, job_id).locator(".sign path").get_attribute("d") for job_id in expected}
    assert len({signs[WRONG], signs["check"], signs["close"]}) == 3
    assert signs[WRONG] == signs["tidy"]
    expect(node(page, "check").locator(".name")).to_have_text(re.compile("^受注データの.*…$"))
    expect(node(page, "check").locator("title")).to_have_text(re.compile(LONG))
    expect(node(page, "repair").locator(".join")).to_have_text("any")
    expect(node(page, "close").locator(".join")).to_have_count(0)


def test_what_an_edge_asks_for_and_what_became_of_it(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open(f"/ui/chains/{wrong}", service=chained)
    edges = chain(chained, wrong)["edges"]
    expect(page.locator(EDGES)).to_have_count(len(edges))
    ends = {}
    for number, one in enumerate(edges):
        expect(edge(page, number)).to_have_class(re.compile(rf"\b{one['state']}\b.*\bon-{one['on']}\b"))
        ends[one["state"]] = edge(page, number).locator(".end").get_attribute("d")
        dashes = edge(page, number).locator(".line").evaluate("(line) => getComputedStyle(line).strokeDasharray")
        assert (dashes == "none") is (one["on"] == "success")
        sign = edge(page, number).locator(".begin").get_attribute("d")
        assert bool(sign) is (one["on"] != "success")
    assert set(ends) == {"met", "unmet"}
    assert len(set(ends.values())) == 2


def test_the_table_has_the_same_facts(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open(f"/ui/chains/{wrong}", service=chained)
    expect(page.locator(ROWS)).to_have_count(6)
    row = page.locator(ROWS).filter(has_text="締め処理")
    expect(row).to_contain_text("skipped")
    expect(row).to_contain_text(
        "after 受注データの内容の検証とその結果の保存 (on success: not met), sum (on success: met)"
    )
    expect(row).to_contain_text("the job before ended otherwise")
    expect(page.locator(ROWS).filter(has_text="repair").first).to_contain_text("after the first of")
    critical = page.locator("table.chain-jobs tr.critical").evaluate_all("(rows) => rows.map((one) => one.dataset.key)")
    assert sorted(critical) == sorted(chain(chained, wrong)["critical_path"])


def test_the_critical_path_stands_out_and_is_told_in_words(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open(f"/ui/chains/{wrong}", service=chained)
    path = chain(chained, wrong)["critical_path"]
    assert len(path) > 1
    expect(page.locator(f"{NODES}.critical")).to_have_count(len(path))
    expect(page.locator(f"{EDGES}.critical")).to_have_count(len(path) - 1)
    expect(page.locator(".gantt rect.mark.critical")).to_have_count(len(path))
    expect(page.locator(".critical-path")).to_contain_text(" → ".join(path).replace("check", LONG))
    expect(page.locator(".critical-path")).to_contain_text(re.compile(r"running, .* waiting\.$"))


def test_bars_stand_where_the_times_are(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open(f"/ui/chains/{wrong}", service=chained)
    found = chain(chained, wrong)["nodes"]
    ran = [one for one in found if one["started_at"]]
    expect(page.locator(".gantt rect.mark")).to_have_count(len(ran))
    expect(page.locator(".gantt .not-run svg")).to_have_count(len(found) - len(ran))
    assert page.locator(".gantt rect.wait").count() > 0
    lefts = page.locator(".gantt rect.mark").evaluate_all("(bars) => bars.map((one) => Number(one.getAttribute('x')))")
    assert lefts == sorted(lefts)
    expect(page.locator(".gantt .limit")).to_have_count(0)


def test_arrow_keys_go_along_the_edges(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open(f"/ui/chains/{wrong}", service=chained)
    expect(page.locator(f'{NODES}[tabindex="0"]')).to_have_count(1)
    page.get_by_role("button", name="Show all").focus()
    page.keyboard.press("Tab")
    assert at_work(page) == WRONG
    assert node(page, WRONG).evaluate("(one) => getComputedStyle(one).outlineStyle") != "none"
    page.keyboard.press("ArrowRight")
    second = at_work(page)
    assert second in {"check", "sum"}
    page.keyboard.press("ArrowDown" if second == "check" else "ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    assert at_work(page) == WRONG
    page.keyboard.press("ArrowLeft")
    assert at_work(page) == WRONG
    page.keyboard.press("End")
    assert at_work(page) == "tidy"
    page.keyboard.press("Home")
    assert at_work(page) == WRONG
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="Show all")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/executions/[0-9a-f-]{36}$"))
    expect(page.get_by_role("heading", level=1)).to_have_text("tidy")
    page.get_by_role("link", name="Its chain").click()
    expect(page).to_have_url(re.compile(f"/ui/chains/{wrong}$"))


def test_a_box_says_all_of_its_job(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open(f"/ui/chains/{wrong}", service=chained)
    said = node(page, "close").get_attribute("aria-label")
    assert said is not None
    assert said.startswith("締め処理: skipped. the job before ended otherwise. after 受注データ")
    assert "(on success: not met)" in said
    expect(page.get_by_role("link", name="締め処理: skipped")).to_have_count(1)


def test_zoom_and_scrolling_stay_in_the_box(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open(f"/ui/chains/{wrong}", service=chained, width=400, locale="ja-JP")
    picture = page.locator(".graph-box svg[role=group]")
    width = picture.evaluate("(one) => one.clientWidth")
    page.get_by_role("button", name="拡大").click()
    assert picture.evaluate("(one) => one.clientWidth") == pytest.approx(width * 1.25, abs=2)
    page.get_by_role("button", name="全体を表示").click()
    box = page.locator(".graph-box")
    assert box.evaluate("(one) => one.scrollWidth <= one.clientWidth + 1 && one.scrollHeight <= one.clientHeight + 1")
    assert not lost(page), lost(page)


def test_states_change_in_place(running: tuple[Page, Service, str]) -> None:
    page, service, chain_id = running
    expect(node(page, "load").locator(".under")).to_have_text("running")
    expect(node(page, "send").locator(".under")).to_have_text("not reached")
    expect(page.locator(".gantt .limit.now")).to_have_count(1)
    page.get_by_role("button", name="Larger").click()
    node(page, "send").focus()
    page.locator(".graph-box").evaluate("(one) => { one.dataset.drawn = 'once'; one.scrollLeft = 30; }")
    node(page, "send").evaluate("(one) => { one.dataset.drawn = 'once'; }")
    scrolled = page.locator(".graph-box").evaluate("(one) => one.scrollLeft")
    service.post(f"/api/v1/executions/{execution(service, chain_id, 'load')}/cancel")
    expect(node(page, "load").locator(".under")).to_have_text(re.compile("^interrupted"))
    expect(node(page, "send").locator(".under")).to_have_text("skipped")
    expect(edge(page, 1)).to_have_class(re.compile("unmet"))
    expect(page.locator(f"{ROWS} .badge[data-state=skipped]")).to_have_count(1)
    expect(page.locator(".gantt .limit.now")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel chain")).to_have_count(0)
    assert at_work(page) == "send"
    assert node(page, "send").get_attribute("data-drawn") == "once"
    assert page.locator(".graph-box").evaluate("(one) => [one.dataset.drawn, one.scrollLeft]") == ["once", scrolled]


def execution(service: Service, chain_id: str, job_id: str) -> str:
    return next(str(one["execution_id"]) for one in chain(service, chain_id)["nodes"] if one["job_id"] == job_id)


def test_a_job_that_is_added_joins_the_picture(running: tuple[Page, Service, str], target: Target) -> None:
    page, service, _ = running
    node(page, "load").focus()
    service.create(job_id="later", after=[{"job": "load", "on": "always"}], target_url=target.url("/ok"))
    service.trigger("extract")  # so that something of the chain's jobs is told to have changed
    expect(page.locator(NODES)).to_have_count(4)
    expect(node(page, "later").locator(".under")).to_have_text("not reached")
    assert at_work(page) == "load"


def test_cancelling_tells_before_what_it_ends(running: tuple[Page, Service, str]) -> None:
    page, service, chain_id = running
    page.get_by_role("button", name="Cancel chain").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".effect ul").first).to_have_text("load")
    expect(dialog.locator(".effect ul").nth(1)).to_have_text("send")
    page.keyboard.type("the wrong month")
    dialog.get_by_role("button", name="Cancel chain").click()
    expect(dialog).to_have_count(0)
    expect(page.locator(".bar .badge")).to_have_text("cancelled")
    expect(page.get_by_role("status").filter(has_text="1 execution was ended")).to_be_visible()
    assert chain(service, chain_id)["status"] == "cancelled"
    trail = service.get("/api/v1/audit").json()["entries"]
    assert "the wrong month" in str(trail)


def test_a_viewer_may_not_cancel(pages: Pages, start: Callable[..., Service], target: Target) -> None:
    service = start(has_jobs=False, MYSCHEDULER_API_TOKEN="s3cret", MYSCHEDULER_API_TOKEN_ROLE="admin")
    service.authorize("s3cret")
    pages.service = service
    add_jobs(service, target)
    path = f"/ui/chains/{begin(service)}"
    page = pages.open(path, service=service, token=token(service, "eve", "viewer"))
    expect(page.get_by_role("button", name="Cancel chain")).to_have_attribute("aria-disabled", "true")


def test_running_again_what_runs_after_it_too(pages: Pages, start: Callable[..., Service], target: Target) -> None:
    service = start(has_jobs=False)
    pages.service = service
    add_jobs(service, target)
    before = run(service, WRONG)
    target.answers("/fail", Answer(200))
    page = pages.open(f"/ui/executions/{execution(service, before, 'check')}", service=service)
    page.get_by_role("button", name="Run again").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label(re.compile("What runs after it runs again, too.*close, repair")).check()
    dialog.get_by_role("button", name="Run again").click()
    expect(page).to_have_url(re.compile("/ui/chains/"))
    expect(page.locator(".remarks")).to_contain_text("It repeats a part of another chain.")
    expect(node(page, "close").locator(".under")).to_have_text(re.compile("^completed"))
    page.get_by_role("link", name="The chain it repeats").click()
    expect(page).to_have_url(re.compile(f"/ui/chains/{before}$"))
    expect(node(page, "close").locator(".under")).to_have_text("skipped")


def test_an_edge_that_is_no_longer_declared_is_told_of(
    pages: Pages, start: Callable[..., Service], target: Target
) -> None:
    service = start(has_jobs=False)
    pages.service = service
    add_jobs(service, target)
    chain_id = run(service, WRONG)
    service.put("/api/v1/jobs/tidy", json={"job_id": "tidy", "target_url": target.url("/ok"), "interval": {"hours": 6}})
    page = pages.open(f"/ui/chains/{chain_id}", service=service)
    expect(page.locator(f"{EDGES}.on-gone")).to_have_count(1)
    expect(page.locator(".remarks")).to_contain_text("is no longer declared")
    expect(page.locator(ROWS).filter(has_text="tidy")).to_contain_text("after repair (no longer declared: met)")


def test_jobs_that_an_answer_leaves_out_are_counted(pages: Pages, chained: Service) -> None:
    chain_id = str(chained.executions("extract")[0]["chain_id"])

    def answer(route: Route) -> None:
        route.fulfill(json={**chain(chained, chain_id), "nodes_left_out": 1234})

    page = pages.blank(service=chained, locale="en-GB")
    page.route(f"**/api/v1/chains/{chain_id}", answer)
    page.goto(f"/ui/chains/{chain_id}")
    expect(page.locator(".remarks")).to_contain_text("1,234 further jobs of it are too many to be shown here.")
    page.get_by_role("button", name="Cancel chain").click()
    expect(page.get_by_role("dialog")).to_contain_text("1,234 further jobs, which are not shown, are cancelled, too.")


def test_executions_lead_to_their_chain(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open("/ui/executions?job=sum", service=chained)
    page.locator("table.ledger tbody").get_by_role("link", name="Chain").click()
    expect(page).to_have_url(re.compile(f"/ui/chains/{wrong}$"))
    page.get_by_role("link", name="Its executions").click()
    expect(page.locator("table.ledger tbody tr")).to_have_count(6)


def test_the_page_of_a_job_tells_with_what_it_runs(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open("/ui/jobs/check", service=chained)
    part = page.locator(".job-chain")
    expect(part).to_contain_text(re.compile("It runs after.*on success"))
    expect(part.get_by_role("link", name="repair")).to_be_visible()
    expect(
        page.get_by_text("It runs once the jobs before it have ended: times are the earliest possible.")
    ).to_be_visible()
    expect(part.locator(".lines li")).to_have_count(1)
    expect(part.locator(".lines li")).to_contain_text("failed")
    part.locator(".lines a").click()
    expect(page).to_have_url(re.compile(f"/ui/chains/{wrong}$"))
    page.go_back()
    part.get_by_role("link", name="As a graph").click()
    expect(page).to_have_url(re.compile("/ui/jobs/check/graph$"))


def test_a_job_that_runs_alone_has_no_such_part(pages: Pages) -> None:
    page = pages.open("/ui/jobs/cache-warmer")
    expect(page.locator("table.ledger tbody tr").first).to_be_visible()
    expect(page.locator(".job-chain")).to_have_count(0)


def test_running_tells_what_becomes_of_the_jobs_after_it(pages: Pages, chained: Service) -> None:
    page = pages.open("/ui/jobs/check", service=chained)
    page.get_by_role("button", name="Run now", exact=True).click()
    expect(page.get_by_role("dialog").locator(".effect")).to_contain_text("It begins a chain")


def test_the_declared_graph(pages: Pages, chained: Service, wrong: str) -> None:
    page = pages.open("/ui/jobs/close/graph", service=chained)
    expect(page.locator(NODES)).to_have_count(6)
    expect(page.locator(f"{EDGES}.declared")).to_have_count(len(chain(chained, wrong)["edges"]))
    expect(page.locator(f"{NODES}.critical")).to_have_attribute("data-id", "close")
    expect(page.locator(ROWS).filter(has_text="repair").first).to_contain_text("(on failure)")
    node(page, "tidy").click()
    expect(page).to_have_url(re.compile("/ui/jobs/tidy$"))


def test_no_such_chain(pages: Pages) -> None:
    pages.allow("status of 404")
    page = pages.open("/ui/chains/00000000-0000-7000-8000-000000000000")
    expect(page.get_by_role("heading", name="This could not be shown")).to_be_visible()


def test_too_many_jobs_are_told_of_in_the_table(pages: Pages, start: Callable[..., Service], target: Target) -> None:
    service = start(has_jobs=False)
    url = target.url("/ok")
    lines = [f"job_id: all\ntarget_url: {url}\ninterval: {{hours: 6}}"]
    lines += [f"job_id: n{number}\ntarget_url: {url}\nafter: [{{job: all}}]" for number in range(300)]
    service.write("many.yaml", "\n---\n".join(lines) + "\n")
    service.until(lambda: service.get("/api/v1/jobs/n299").status_code == 200)
    page = pages.open("/ui/jobs/all/graph", service=service)
    expect(page.get_by_text("More than 300 jobs or 800 edges can't be drawn")).to_be_visible()
    expect(page.locator(ROWS)).to_have_count(301)
    expect(page.locator(NODES)).to_have_count(0)
