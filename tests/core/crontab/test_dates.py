"""Date commands as expressions of templates. The real `date` is the judge of what they yield."""

import os
import subprocess
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.importing import import_crontab
from myscheduler.core.findings.problem import Severity
from myscheduler.core.schedule.slots import Once
from myscheduler.core.source.yaml import read_documents
from myscheduler.core.templates.context import Context
from myscheduler.core.templates.filters import as_text
from myscheduler.core.templates.rendering import evaluate
from myscheduler.core.templates.syntax import Expression, parse
from tests.support.patience import PATIENCE

ZONE = ZoneInfo("Asia/Tokyo")


def imported(code: str, *, above: str = "", zone: str | None = "Asia/Tokyo") -> tuple[str, list[str]]:
    """What the body of a call with this code becomes, and what is said."""
    crontab = f'{above}0 6 * * * curl -m 5 -d "{code}" https://x.test/a\n'.replace("%", "\\%")
    found = import_crontab(crontab, path="c", zone="UTC", timezone=zone)
    faults = [one.message for one in found.problems if one.severity is Severity.ERROR]
    if faults:
        raise NotTakenOver(faults[0])
    (text,) = found.manifests.values()
    (document,) = read_documents(text)
    return document.value["body"], [one.message for one in found.problems]


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param("+%F", id="day"),
        pytest.param("'+%Y%m%d-%H%M%S'", id="fields"),
        pytest.param("'+%y %-d %-m %e %j %I:%M %p'", id="more fields"),
        pytest.param("'+%F %T %R %G-W%V %u %w %%'", id="compound fields"),
        pytest.param("'+%a %A %b %B %h'", id="names"),
        pytest.param("'+%D%n%t|%z %Z %s'", id="other fields"),
        pytest.param("-I", id="ISO day"),
        pytest.param("-Iseconds", id="ISO second"),
        pytest.param("--iso-8601=seconds -u", id="ISO second in UTC"),
        pytest.param("-R", id="mail"),
        pytest.param("--rfc-3339=date", id="RFC 3339"),
        pytest.param("-u +%FT%TZ", id="UTC"),
        pytest.param("-d yesterday +%F", id="yesterday"),
        pytest.param("--date=tomorrow +%F", id="tomorrow"),
        pytest.param("--date '-1 day' +%F", id="a day less"),
        pytest.param("-d '1 day ago' +%F", id="a day ago"),
        pytest.param("-d '-3days' +%F", id="days"),
        pytest.param("-d '2 weeks ago' +%G-W%V", id="weeks"),
        pytest.param("-d 'next week' +%F", id="next week"),
        pytest.param("-d 'last month' +%Y-%m", id="last month"),
        pytest.param("-d 'last year' +%Y", id="last year"),
        pytest.param("-d '1 fortnight' +%F", id="fortnight"),
        pytest.param("-d '-90 minutes' +%FT%T", id="minutes"),
        pytest.param("-d '36 hours ago' +%FT%T", id="hours"),
        pytest.param("-d '1 hour ago 5 min' +%FT%T", id="hours and minutes"),
        pytest.param("-d '-30 sec' +%T", id="seconds"),
        pytest.param("-d 'yesterday 00:00' +%s", id="the beginning of yesterday"),
        pytest.param("-d 'today 0:00' +%s", id="the beginning of today"),
        pytest.param("-d 'tomorrow 00:00:00' +%FT%T", id="the beginning of tomorrow"),
        pytest.param("-ud '1 day ago' +%FT%T", id="letters together"),
        pytest.param("-d now +%F", id="now"),
        pytest.param('-d "$(date +%Y-%m-01) -1 day" +%F', id="the end of last month"),
        pytest.param('-d "$(date +%Y-%m-01) -1 month" +%F', id="the beginning of last month"),
        pytest.param('-d "$(date +%Y-01-01)" +%F', id="the beginning of the year"),
        pytest.param('-d "$(date +%F) 1 week ago" +%FT%T', id="a day within a date"),
    ],
)  # fmt: skip
def test_templates_yield_what_date_prints(arguments: str) -> None:
    if datetime.now(ZONE).day > 28 and ("last month" in arguments or "last year" in arguments):
        pytest.skip("date counts days that a month doesn't have into the next one: test_what_is_not_kept_is_said")
    code = f"at=$(date {arguments})"
    body, _ = imported(code)
    begun = datetime.now(UTC)
    done = subprocess.run(
        ["/bin/sh", "-c", f'printf %s "{code}"'], capture_output=True, text=True, check=True, timeout=PATIENCE,
        env={"PATH": os.defpath, "TZ": ZONE.key, "LC_ALL": "C"},
    )  # fmt: skip
    seconds = range(int(begun.timestamp()), int(datetime.now(UTC).timestamp()) + 1)
    assert done.stdout in {rendered(body, datetime.fromtimestamp(second, UTC)) for second in seconds}


def rendered(body: str, at: datetime) -> str:
    context = Context("job", "job", {}, ZONE.key, at, "id", lambda: Once(at))
    pieces = (evaluate(one, context) if isinstance(one, Expression) else one for one in parse(body))
    return "".join(map(as_text, pieces))


@pytest.mark.parametrize(
    ("code", "body"),
    [
        pytest.param("`date +%F`", "{{ scheduled_at | date('%F') }}", id="back quotes"),
        pytest.param("$(/bin/date -v-1d +%F)", "{{ scheduled_at | sub('P1D') | date('%F') }}", id="BSD"),
        pytest.param("$(date -v-1m -v+2H +%F)", "{{ scheduled_at | sub('P1M') | add('PT2H') | date('%F') }}", id="-v"),
        pytest.param("$(TZ=:Asia/Tokyo date +%F)", "{{ scheduled_at | date('%F') }}", id="the zone of the job"),
        pytest.param("$(LC_ALL=C TZ=UTC date +%a)", "{{ scheduled_at | zone('UTC') | date('%a') }}", id="C"),
        pytest.param("$(TZ=UTC date +%F)", "{{ scheduled_at | zone('UTC') | date('%F') }}", id="another zone"),
        pytest.param("$(date +%d\\'%m)", "{{ scheduled_at | date('%d\\'%m') }}", id="a quote"),
        pytest.param("$(date +%F 2>/dev/null)", "{{ scheduled_at | date('%F') }}", id="without errors"),
    ],
)  # fmt: skip
def test_expressions(code: str, body: str) -> None:
    assert imported(code)[0] == body


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        pytest.param("$(date)", "depends on the locale", id="no format"),
        pytest.param("$(date +%N)", "has %N, which templates don't have", id="nanoseconds"),
        pytest.param("$(date +%3N)", "has %3, which templates don't have", id="milliseconds"),
        pytest.param("$(date +%k)", "has %k, which", id="hours with blanks"),
        pytest.param("$(date +%-s)", "has %-s, which", id="a flag that nothing has"),
        pytest.param("$(date +%:z)", "has %…, which", id="an offset with a colon"),
        pytest.param("$(date -Ihours)", "only a part of a time", id="ISO hours"),
        pytest.param("$(date -d 'last monday' +%F)", "of its -d is not known", id="weekday"),
        pytest.param("$(date -d '2026-01-01' +%F)", "of its -d is not known", id="a fixed day"),
        pytest.param("$(date -d '09:30' +%F)", "of its -d is not known", id="a time"),
        pytest.param("$(date -d 'next 2 days' +%F)", "of its -d is not known", id="next with a number"),
        pytest.param('$(date -d "$(date +%d) days ago" +%F)', "templates don't have", id="computed days"),
        pytest.param('$(date -d "$(TZ=UTC date +%F)" +%F)', "in a way that templates don't have", id="mixed zones"),
        pytest.param("$(date -s 0 +%F)", "an option that is not known", id="setting the clock"),
        pytest.param("$(date -d)", "an option that is not known", id="-d without a date"),
        pytest.param("$(date +%F; curl http://x)", "its call is inside", id="a call"),
        pytest.param("`date \\+%F`", "a date in back quotes has backslashes", id="backslashes"),
        pytest.param("$(LC_ALL=ja_JP.UTF-8 date +%a)", "variables are set for it", id="other names"),
        pytest.param("$(TZ=JST-9 date +%F)", "is not the name of a zone", id="zone of POSIX"),
    ],
)  # fmt: skip
def test_what_templates_do_not_have(code: str, reason: str) -> None:
    with pytest.raises(NotTakenOver) as refused:
        imported(code)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    ("code", "above", "zone", "note"),
    [
        pytest.param("$(date -d '1 month ago' +%F)", "", "Asia/Tokyo", "its last day counts", id="months"),
        pytest.param("$(date +%b)", "", "Asia/Tokyo", "names of days and months are English", id="names"),
        pytest.param("$(date +%F)", "CRON_TZ=UTC\n", None, "not in that of the machine", id="the machine's zone"),
        pytest.param("$(date -u +%F)", "CRON_TZ=Asia/Tokyo\n", None, None, id="UTC whatever the machine's"),
        pytest.param("$(date +%F)", "CRON_TZ=Asia/Tokyo\n", "Asia/Tokyo", None, id="the same zone"),
        pytest.param("$(date +%F)", "TZ=Asia/Tokyo\nCRON_TZ=UTC\n", None, None, id="the zone of the command"),
        pytest.param('$(date -d "$(date +%Y-%m-01) -1 month" +%F)', "", "Asia/Tokyo", None, id="first days"),
    ],
)  # fmt: skip
def test_what_is_not_kept_is_said(code: str, above: str, zone: str | None, note: str | None) -> None:
    _, said = imported(code, above=above, zone=zone)
    assert (len(said) == 1 and note in said[0]) if note else said == []


def test_a_date_that_is_not_sent_says_nothing() -> None:
    crontab = "0 6 * * * echo $(date +\\%b) && curl -m 5 http://x.test/a >> /log.$(date +\\%N)\n"
    said = [one.message for one in import_crontab(crontab, path="c", zone="UTC").problems]
    assert said == ["the answer is not written to a file; the history keeps its first 4 KiB"]


def test_a_credential_that_is_computed_is_refused() -> None:
    for command in ('curl -H "X-Token: a$(date +\\%s)" http://x', 'curl -u "me:$(date +\\%s)" http://x'):
        (problem,) = import_crontab(f"0 6 * * * {command}\n", path="c", zone="UTC").problems
        assert "secrets have fixed values" in problem.message
    (problem,) = import_crontab('0 6 * * * curl -X "$(date +\\%F)" http://x\n', path="c", zone="UTC").problems
    assert "a part of method is computed at each run" in problem.message
