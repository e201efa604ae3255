"""A service with jobs of every sort: with Japanese names, failing, paused, held, excluded, of the API.

The targets are real; what ran has run when `seeded` returns. No interval is so short that it comes round while tests
look: they count what ran. Those of a cron may run once more, at their time of the day.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from myscheduler.settings import API_TOKEN
from tests.support.service import Service, manifest
from tests.support.target import Answer, HangUp, Silence, Target

MARKUP = '<img src=x onerror="document.title=1"><script>document.title=2</script>'
"""What nobody may take for a part of the page."""
CALENDARS = """\
tokyo-office:
  country: JP
  closed: [12-29/01-03]
"""
MANIFESTS = """\
job_id: nightly-billing
name: 月末請求処理
cron: "15 2 1 * *"
timezone: Asia/Tokyo
target_url: {url}/billing
method: POST
body: {{month: previous}}
headers: {{Authorization: "Bearer ${{secret:billing-token}}"}}
max_retries: 3
labels: {{team: billing, tier: critical}}
protect: true
---
job_id: daily-report
name: 日次レポート生成
cron: "30 10 * * mon-fri"
timezone: Asia/Tokyo
calendar: {{name: tokyo-office, only: business_days}}
target_url: {url}/report
labels: {{team: reports}}
---
job_id: cache-warmer
interval: {{hours: 6}}
target_url: {url}/warm
labels: {{team: platform}}
---
job_id: new-york-close
name: Market close
cron: "0 16 * * mon-fri"
timezone: America/New_York
target_url: {url}/close
labels: {{team: trading}}
---
job_id: stock-import
name: 在庫データ取込
interval: {{hours: 6}}
target_url: {url}/stock
max_retries: 1
retry_backoff_sec: 0.1
labels: {{team: logistics}}
---
job_id: slow-sync
interval: {{hours: 6}}
target_url: {url}/slow
timeout_sec: 0.5
labels: {{team: logistics}}
---
job_id: often-closed
name: 夜間停止あり
cron: "*/15 * * * *"
blackout: [{{cron: "0 22 * * *", duration: PT8H}}]
target_url: {url}/often
labels: {{team: platform}}
---
job_id: stopped-in-git
interval: {{hours: 2}}
target_url: {url}/stopped
paused: true
---
job_id: launch
name: 新世紀のごあいさつ
run_at: "2100-01-01T00:00:00+09:00"
target_url: {url}/launch
method: POST
"""
HELD = "held-import"
BROKEN = "job_id: held-import\ntarget_url: {url}/held\ninterval: {{minuets: 5}}\n"
FAILING = ("stock-import", "slow-sync", "api-probe", "api-markup")
"""Those that have an open incident."""
RUNS = ("nightly-billing", "daily-report", "cache-warmer", "stock-import", "slow-sync", "api-probe", "api-markup")


@contextmanager
def seeded(folder: Path, **settings: str) -> Iterator[Service]:
    """A service that has applied its manifests, with one file broken since, and each of `RUNS` run once at least.

    Where the settings have a static token, it is used, with its role.
    """
    with Target() as target:
        _script(target)
        _write_secret(folder)
        jobs = folder / "jobs.d"
        jobs.mkdir(parents=True, exist_ok=True)
        (jobs / "calendars.yaml").write_text(CALENDARS, encoding="utf-8")
        (jobs / "fleet.yaml").write_text(MANIFESTS.format(url=target.url("")), encoding="utf-8")
        (jobs / "held.yaml").write_text(manifest(HELD, target.url("/held")), encoding="utf-8")
        options = {"MYSCHEDULER_SECRETS_DIR": str(folder / "secrets"), **settings}
        with Service(folder, **options) as service:
            if given := settings.get(API_TOKEN):
                service.authorize(given)
            _fill(service, target)
            yield service


def _script(target: Target) -> None:
    target.answers("/stock", Answer(503, b'{"error": "\xe5\x9c\xa8\xe5\xba\xab DB is down"}'))
    target.answers("/slow", Silence())
    target.answers("/reset", HangUp())
    target.answers("/markup", Answer(500, MARKUP.encode(), (("Content-Type", "text/html"),)))


def _write_secret(folder: Path) -> None:
    (folder / "secrets").mkdir(parents=True, exist_ok=True)
    (folder / "secrets" / "billing-token").write_text("s3cret-of-billing", encoding="utf-8")


def token(service: Service, name: str, role: str, **scope: object) -> str:
    """A new token of a service whose static token is an admin's: `token(service, "ada", "operator", ids=["a"])`."""
    answer = service.post("/api/v1/tokens", json={"name": name, "role": role, "scope": scope})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def _fill(service: Service, target: Target) -> None:
    service.create(job_id="api-probe", name="API の監視", target_url=target.url("/reset"), interval={"hours": 6})
    service.create(job_id="api-markup", name=MARKUP, target_url=target.url("/markup"), cron="0 4 * * *")
    service.create(job_id="api-paused", target_url=target.url("/paused"), interval={"hours": 6})
    paused = {"by": "ada", "reason": "倉庫の移転が終わるまで"}
    assert service.post("/api/v1/jobs/api-paused/pause", json=paused).status_code == 200
    for job_id in (*RUNS, "stock-import", "stock-import"):
        execution_id = service.trigger(job_id)
        service.until(lambda one=execution_id: _is_over(service, one))  # type: ignore[misc]
    service.write("held.yaml", BROKEN.format(url=target.url("")))
    service.until(lambda: service.job(HELD)["held"])
    service.until(lambda: all(service.job(job_id)["incidents"] for job_id in FAILING))


def _is_over(service: Service, execution_id: str) -> bool:
    answer = service.get(f"/api/v1/executions/{execution_id}")
    return answer.status_code == 200 and answer.json()["status"] not in {"queued", "running"}
