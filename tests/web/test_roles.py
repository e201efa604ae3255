"""What a role or a scope does not allow: shown as disabled with the reason, and refused by the service."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.support.browser import Pages
from tests.support.checkout import ROOT
from tests.support.fleet import seeded, token
from tests.support.service import Service

HUNG = "api-hung"
SEND = """async ([method, path, body]) => {
  const headers = { "Content-Type": "application/json" };
  return (await fetch(`/api/v1${path}`, { method, headers, body: method === "POST" ? body : undefined })).status;
}"""


@dataclass(frozen=True)
class Act:
    """Something that a control does. In its paths, `{rerun}` and `{running}` stand for executions, `{incident}` and
    `{cared}` for incidents.
    """

    path: str
    """Of the page below `/ui`."""
    name: str
    """Of the control."""
    operation: str
    request: str
    """What it sends: method, and path below `/api/v1`."""
    role: str = "operator"
    body: str = "{}"


SELECTED = '{"ids": ["cache-warmer"]}'
ACTS = [
    Act("/jobs", "Pause", "pause_jobs", "POST /jobs/bulk/pause", body='{"ids": ["cache-warmer"], "reason": "x"}'),
    Act("/jobs", "Resume", "resume_jobs", "POST /jobs/bulk/resume", body=SELECTED),
    Act("/jobs", "Run now", "trigger_jobs", "POST /jobs/bulk/trigger", body=SELECTED),
    Act("/jobs/api-probe", "Run now", "trigger_job", "POST /jobs/api-probe/trigger"),
    Act("/jobs/api-probe", "Pause", "pause_job", "POST /jobs/api-probe/pause", body='{"reason": "x"}'),
    Act("/jobs/api-probe", "Delete", "delete_job", "DELETE /jobs/api-probe", role="editor"),
    Act("/jobs/api-paused", "Resume", "resume_job", "POST /jobs/api-paused/resume"),
    Act("/jobs/api-paused", "Resume and catch up…", "resume_job", "POST /jobs/api-paused/resume"),
    Act("/executions/{rerun}", "Run again", "rerun_execution", "POST /executions/{rerun}/rerun"),
    Act("/executions/{running}", "Cancel execution", "cancel_execution", "POST /executions/{running}/cancel"),
    Act("/chains/{running}", "Cancel chain", "cancel_chain", "POST /chains/{running}/cancel"),
    Act("/incidents/{incident}", "Acknowledge…", "acknowledge_incident", "POST /incidents/{incident}/acknowledge"),
    Act("/incidents/{cared}", "Withdraw…", "unacknowledge_incident", "POST /incidents/{cared}/unacknowledge"),
    Act("/source", "Sync now", "run_sync", "POST /sync"),
]
ELSEWHERE = {"approve_deletion", "get_source_lines"}
"""Those of tests/web/pages/test_source.py."""


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The jobs of the fleet for those with a token, and one that runs for as long as tests look, and begins a chain."""
    settings = {"MYSCHEDULER_API_TOKEN": "s3cret", "MYSCHEDULER_API_TOKEN_ROLE": "admin"}
    with seeded(tmp_path_factory.mktemp("limited"), **settings) as service:
        silent = service.job("slow-sync")["target_url"]
        service.create(job_id=HUNG, target_url=silent, interval={"hours": 6}, timeout_sec=600)
        service.create(job_id="after-hung", target_url=silent, after=[{"job": HUNG}])
        service.trigger(HUNG)
        service.until(lambda: service.executions(HUNG)[0]["status"] == "running")
        assert service.post(f"/api/v1/incidents/{incident_of(service, 'slow-sync')}/acknowledge").status_code == 200
        yield service


@pytest.fixture
def ids(limited: Service) -> dict[str, str]:
    newest = {"rerun": "cache-warmer", "running": HUNG}
    executions = {name: service_id(limited, job_id) for name, job_id in newest.items()}
    return executions | {"incident": incident_of(limited, "stock-import"), "cared": incident_of(limited, "slow-sync")}


def service_id(service: Service, job_id: str) -> str:
    return str(service.executions(job_id)[0]["execution_id"])


def incident_of(service: Service, job_id: str) -> str:
    return str(service.job(job_id)["incidents"][0]["incident_id"])


def test_every_act_is_in_the_table() -> None:
    scripts = "".join(path.read_text("utf-8") for path in (ROOT / "myscheduler/web/static/pages").glob("*.js"))
    asked = set(re.findall(r'\brefusal(?:ForAll)?\("(\w+)"', scripts))
    asked |= {f"{action}_jobs" for action in ("pause", "resume", "trigger") if "`${action}_jobs`" in scripts}
    assert asked == {act.operation for act in ACTS} | ELSEWHERE


@pytest.mark.parametrize(
    ("role", "scope", "reason"),
    [("viewer", ["*"], "Needs the role {role}"), ("operator", ["other-*"], "This job is outside your scope")],
    ids=["a viewer", "an operator of other jobs"],
)
def test_it_is_disabled_and_refused(
    limited: Service, pages: Pages, ids: dict[str, str], role: str, scope: list[str], reason: str
) -> None:
    pages.allow("status of 403")
    given = token(limited, f"eve-{role}", role, ids=scope)
    page = pages.open("/ui/", service=limited, token=given)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method != "GET" else None)
    for act in ACTS:
        if role == "operator" and act.operation.endswith(("_jobs", "_sync")):
            continue  # for these a role for some job is enough: see below
        _open(page, act.path.format(**ids))
        button = page.locator("main").get_by_role("button", name=act.name, exact=True)
        expected = "Needs the role editor" if act.role == "editor" else reason.format(role=act.role)
        expect(button).to_have_attribute("aria-disabled", "true")
        expect(button).to_have_attribute("title", expected)
        button.focus()
        page.keyboard.press("Enter")
        button.click(force=True)
        expect(page.get_by_role("dialog")).to_have_count(0)
        assert sent == []
        method, path = act.request.format(**ids).split(" ")
        assert page.evaluate(SEND, [method, path, act.body]) == 403, act
        sent.clear()


def _open(page: Page, path: str) -> None:
    page.goto(f"/ui{path}")
    if path == "/jobs":
        page.get_by_role("checkbox", name="Select cache-warmer").check()


def test_jobs_out_of_scope_are_refused_one_by_one(limited: Service, pages: Pages) -> None:
    given = token(limited, "bob", "operator", ids=["other-*"])
    page = pages.open("/ui/jobs", service=limited, token=given)
    page.get_by_role("checkbox", name="Select cache-warmer").check()
    page.get_by_role("button", name="Pause", exact=True).click()
    dialog = page.get_by_role("dialog", name="Pause 0 jobs?")
    expect(dialog.locator("ul.rest")).to_contain_text("cache-warmer: ")
    dialog.get_by_label("Reason").fill("x")
    expect(dialog.get_by_role("button", name="Pause")).to_be_disabled()
    body = '{"ids": ["cache-warmer"], "reason": "x"}'
    assert page.evaluate(SEND, ["POST", "/jobs/bulk/pause", body]) == 200
    assert limited.job("cache-warmer")["pause"] is None
