"""Lines of crontabs as they stand in real life: what the real programs send when a line runs as cron runs it, and what
the job sends that it became.
"""

# ruff: noqa: E501, Q003 - a line of a crontab is one line, in one kind of quotes

import os
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path

import pytest

from myscheduler.core.crontab.importing import import_crontab
from myscheduler.core.findings.problem import Severity
from tests.support.patience import PATIENCE
from tests.support.sent_calls import in_short, send
from tests.support.target import Answer, Target

pytestmark = pytest.mark.anyio

FILES = {"token": "tok-123\n", "note.txt": "first\nsecond\n", "payload.xml": "<a>b</a>\n", "name": "J & K"}
CONTENT = {name: text.removesuffix("\n") for name, text in FILES.items()}
STUBS = {
    "sleep": "exit 0",
    "mail": "cat >/dev/null",
    "logger": "cat >/dev/null",
    "chronic": 'exec "$@"',
    "su": 'while [ $# -gt 0 ]; do [ "$1" = -c ] && exec sh -c "$2"; shift; done',
    "sudo": """while :; do case "$1" in -u) shift 2;; -*) shift;; *=*) export "$1"; shift;; *) exec "$@";; esac; done""",
}
"""Programs that a machine may lack, or that would wait, write or ask for a password."""


def basic(login: str) -> str:
    return b64encode(login.encode()).decode()


ONE_CALL = [
    pytest.param("*/5 * * * * curl -fsS -m 10 --retry 5 -o /dev/null {url}/ping/abc", {}, id="a ping"),
    pytest.param("0 * * * * curl -fsS --retry 3 {url}/ping > /dev/null", {}, id="a ping to nowhere"),
    pytest.param("@hourly curl --silent --show-error --output /dev/null '{url}/cron.php?a=b&c'", {}, id="nextcloud"),
    pytest.param("*/15 * * * * wget -q -O - {url}/wp-cron.php?doing_wp_cron >/dev/null 2>&1", {}, id="wp-cron"),
    pytest.param("0 * * * * wget -O - -q -t 1 {url}/cron/some-key", {}, id="drupal"),
    pytest.param("30 2 * * * /usr/bin/wget --spider --quiet '{url}/index.php?p=cron&k=1'", {}, id="spider"),
    pytest.param("0 0 * * * wget -qO/dev/null --no-check-certificate {url}/clean", {}, id="letters and a value"),
    pytest.param("0 0 * * * wget --delete-after -q {url}/a", {}, id="deleted at once"),
    pytest.param("0 0 * * * wget -qO- '{url}/a b/\"ä\"?x={{y}}'", {}, id="what wget encodes"),
    pytest.param("0 0 * * * wget -qO- --post-data='a=1&b=2 3' {url}/a", {}, id="wget's form"),
    pytest.param("0 0 * * * wget -qO- --post-data='' {url}/a", {}, id="wget's empty form"),
    pytest.param("0 0 * * * wget -qO- --header='A: 1' --header='a: 2' -U bot/1 {url}/a", {}, id="wget's headers"),
    pytest.param("0 0 * * * wget -qO- --no-cache --referer=http://r/ {url}/a", {}, id="wget's other headers"),
    pytest.param("0 0 * * * wget -qO- --method=delete {url}/a", {}, id="wget's method"),
    pytest.param("0 0 * * * wget -qO- --method=PUT --body-data=x {url}/a", {}, id="wget's body"),
    pytest.param("0 0 * * * wget -qO- --auth-no-challenge --user=me --password=pw {url}/a", {"a-basic": basic("me:pw")}, id="wget's login"),
    pytest.param("0 0 * * * wget -qO- --post-file={dir}/payload.xml --header='Content-Type: text/xml' {url}/a", {"payload.xml": FILES["payload.xml"] + "\n"}, id="wget's file"),
    pytest.param("0 6 * * * curl -X POST {url}/reports/daily", {}, id="POST without a body"),
    pytest.param("0 6 * * * curl -d '' {url}/a", {}, id="an empty form"),
    pytest.param("0 6 * * * curl -s -X POST -d '' -H 'Content-Type: application/json' {url}/a", {}, id="no JSON"),
    pytest.param("0 6 * * * curl -s -G -d '' {url}/a", {}, id="an empty query"),
    pytest.param("0 6 * * * curl -s -G -d a -d '' '{url}/a?'", {}, id="a query that is begun"),
    pytest.param("0 6 * * * curl -s -d a -d '' --data-raw @b {url}/a", {}, id="pieces of a form"),
    pytest.param("0 6 * * * curl -s -d @/dev/null {url}/a", {}, id="a form out of nothing"),
    pytest.param("0 6 * * * curl -X PUT -d a=b -d 'c=d e' {url}/a", {}, id="PUT"),
    pytest.param("""0 6 * * * curl -H 'Content-Type: application/json' -d '{{"text": "日次", "n": [1, 2.5]}}' {url}/a""", {}, id="JSON"),
    pytest.param("""0 6 * * * curl --json '{{"a":' --json '1}}' {url}/a""", {}, id="JSON in pieces"),
    pytest.param("0 6 * * * curl -s -G --data-urlencode 'q=a b&ü' {url}/a?x", {}, id="an encoded query"),
    pytest.param("0 6 * * * curl -s --url-query 'x=a b' --url-query +raw '{url}/a?z'", {}, id="--url-query"),
    pytest.param("0 6 * * * curl -s -H 'X-A: 1' -H 'x-b;' -H 'X-A: 2' -H 'X-C:' {url}/a", {}, id="a header twice"),
    pytest.param("0 6 * * * curl -s -H 'Cookie: a=1' -H 'Cookie: b=2' {url}/a", {"a-cookie": "a=1", "a-cookie-2": "b=2"}, id="the cookie line twice"),
    pytest.param("0 6 * * * curl -s -b a=1 -b b=2 {url}/a", {"a-cookie": "a=1;b=2"}, id="cookies"),
    pytest.param("0 6 * * * curl -s -b a=1 -H 'Cookie: b=2' {url}/a", {"a-cookie": "b=2"}, id="a line wins over cookies"),
    pytest.param("0 6 * * * curl -s -A me -H 'User-Agent: you' -e r -H 'Referer: s' {url}/a", {}, id="lines win over options"),
    pytest.param("0 6 * * * curl -s --json 1 -H 'content-type: text/x' {url}/a", {}, id="a line wins over --json"),
    pytest.param("0 6 * * * curl -s -r 0-99 -e http://r {url}/a", {}, id="a range"),
    pytest.param("0 6 * * * curl -s -H 'Connection: close' -H 'Expect:' -H 'Host: other.test' {url}/a", {}, id="headers of the connection"),
    pytest.param("0 6 * * * curl -s -X POST -H 'Content-Length: 0' {url}/a", {}, id="a length"),
    pytest.param("0 6 * * * curl -sI {url}/a", {}, id="HEAD"),
    pytest.param("0 6 * * * curl -s '{url}/a/../b/./c//d?x=..'", {}, id="dots in the path"),
    pytest.param("0 6 * * * curl -s '{url}/a\"b<c>|d^e`f'", {}, id="characters that no URL has"),
    pytest.param("0 6 * * * curl -s '{url}?q=1#part'", {}, id="no path"),
    pytest.param("0 6 * * * curl -s '{url}/a?x=\\%zz&y=100\\%'", {}, id="lone percent signs"),
    pytest.param("0 6 * * * curl -s -d '{{\"a\":1}}' {url}/a", {}, id="JSON as a form"),
    pytest.param("0 6 * * * curl -s '{url}/{{a}}?b[]=1' -g", {}, id="brackets that are meant"),
    pytest.param("0 6 * * * curl -s '{url}/{{a}}'", {}, id="braces around one"),
    pytest.param("0 6 * * * curl -s -u me:pw {url}/a", {"a-basic": basic("me:pw")}, id="a login"),
    pytest.param("0 6 * * * curl -s -u me:pw -H 'Authorization: Token x' {url}/a", {"a-authorization": "x"}, id="a line wins over a login"),
    pytest.param("0 6 * * * curl -s --oauth2-bearer abc {url}/a", {"a-authorization": "abc"}, id="bearer"),
    pytest.param("0 6 * * * curl -s -d a=100\\%25 {url}/a\\%20b", {}, id="escaped percent signs"),
    pytest.param("0 6 * * * curl -s --data-binary @- {url}/a%one%two\\%", {}, id="what stands behind a percent sign"),
    pytest.param("0 6 * * * curl -s --data-binary @- {url}/a%one%", {}, id="a percent sign at the end"),
    pytest.param("0 6 * * * echo 'a b' | curl -s -d @- {url}/a", {}, id="echo"),
    pytest.param("0 6 * * * printf '\\%s\\n' \"x y\" | curl -s --data-binary @- {url}/a", {}, id="printf"),
    pytest.param("0 6 * * * cat {dir}/payload.xml | curl -s -H 'Content-Type: text/xml' -d @- {url}/a", {"payload.xml": CONTENT["payload.xml"]}, id="cat"),
    pytest.param("0 6 * * * curl -s -H 'Content-Type: text/xml' -d @- {url}/a < {dir}/payload.xml", {"payload.xml": CONTENT["payload.xml"]}, id="a file as input"),
    pytest.param("SHELL=/bin/bash\n0 6 * * * curl -s -d @- {url}/a <<< \"a b\"", {}, id="text as input"),
    pytest.param("0 6 * * * curl -s -H 'Content-Type: text/plain' --data-binary @{dir}/note.txt {url}/a", {"note.txt": FILES["note.txt"] + "\n"}, id="a body out of a file"),
    pytest.param("0 6 * * * curl -s --data-urlencode 'q@{dir}/name' {url}/a", {"name": CONTENT["name"]}, id="a field out of a file"),
    pytest.param('0 6 * * * curl -s -H "Authorization: Bearer $(cat {dir}/token)" {url}/a', {"token": CONTENT["token"]}, id="a token out of a file"),
    pytest.param("0 6 * * * T=`cat {dir}/token`; curl -s -d \"t=$T\" {url}/a", {"token": CONTENT["token"]}, id="back quotes"),
    pytest.param("SHELL=/bin/bash\n0 6 * * * curl -s -H \"X-Key: $(< {dir}/token)\" {url}/a", {"token": CONTENT["token"]}, id="bash's cat"),
    pytest.param('0 6 * * * curl -s -d "{{\\"t\\": \\"$(cat {dir}/token)\\"}}" -H "Content-Type: application/json" {url}/a', {"token": CONTENT["token"]}, id="a token within JSON"),
    pytest.param("0 6 * * * curl -s --netrc-file {dir}/netrc {url}/a", {"a-basic": basic("me:pw")}, id="a .netrc file"),
    pytest.param("API_TOKEN=abc\n0 6 * * * curl -s -H \"X-Token: $API_TOKEN\" {url}/a", {"API_TOKEN": "abc"}, id="a token of the crontab"),
    pytest.param("BASE={url}/v1\nOPTS=\"-s -A bot\"\n0 6 * * * curl $OPTS \"$BASE/run\"", {}, id="variables"),
    pytest.param("A='x  y'\n0 6 * * * curl -s -d \"$A\" -d '$A' -d \"${{A}}\" {url}/a || true", {}, id="quotes"),
    pytest.param("0 6 * * * curl -s -d it\\'s\\ \\\"so\\\" {url}/a", {}, id="backslashes"),
    pytest.param("SHELL=/bin/bash\n0 6 * * * curl -s -d $'a\\tb\\x41\\'' {url}/a", {}, id="quotes of bash"),
    pytest.param("0 6 * * * curl -s {url}/a >> {dir}/log.$(date +\\%F) 2>&1", {}, id="a date behind the call"),
    pytest.param("0 6 * * * echo \"$(date) start\" >> {dir}/log; curl -s {url}/a; echo \"done: $?\"", {}, id="dates around the call"),
    pytest.param("0 6 * * * curl -s -o {dir}/out-$(date +\\%F) -w `date +\\%s` {url}/a", {}, id="dates of files"),
    pytest.param("0 6 * * * D=`date +\\%s`; curl -s {url}/a && echo $D", {}, id="a date that is not sent"),
    pytest.param("0 6 * * * flock -xn {dir}/lock curl -s {url}/a", {}, id="flock"),
    pytest.param("0 6 * * * flock -w 5 {dir}/lock -c 'curl -s {url}/a'", {}, id="flock and a line"),
    pytest.param("0 6 * * * ( flock -n 9 || exit 1; curl -s {url}/a ) 9>{dir}/lock", {}, id="flock of a number"),
    pytest.param("0 6 * * * timeout -k 5 60 nice -n 19 ionice -c 2 -n 7 curl -s {url}/a", {}, id="timeout, nice, ionice"),
    pytest.param("0 6 * * * nice -19 nohup setsid -w curl -s {url}/a", {}, id="nice with a number"),
    pytest.param("0 6 * * * chronic env LANG=C A=b curl -s {url}/a", {}, id="chronic and env"),
    pytest.param("0 6 * * * bash -euo pipefail -c 'curl -s {url}/a'", {}, id="bash with options"),
    pytest.param("0 6 * * * bash -lc \"curl -s -d 'a b' {url}/a\"", {}, id="a login shell"),
    pytest.param("0 6 * * * sh -c 'curl -s -d \"a'\"'\"'b\" {url}/a'", {}, id="quotes in quotes"),
    pytest.param("0 6 * * * su -s /bin/sh www-data -c 'curl -s {url}/a'", {}, id="su"),
    pytest.param("0 6 * * * sudo -u www-data -H A=b curl -s {url}/a", {}, id="sudo"),
    pytest.param("0 6 * * * cd {dir} && curl -s {url}/a", {}, id="cd"),
    pytest.param("0 6 * * * [ -x /usr/bin/curl ] && curl -s {url}/a", {}, id="where there is curl"),
    pytest.param("0 6 * * * command -v curl >/dev/null && {{ curl -s {url}/a; }} 2>&1 | logger -t x", {}, id="a group"),
    pytest.param("* * * * * sleep 30; curl -s {url}/a", {}, id="sleep"),
    pytest.param("* * * * * ( sleep 15 ; curl -s {url}/a ) >/dev/null 2>&1", {}, id="sleep in a subshell"),
    pytest.param("0 6 * * * curl -s {url}/a | grep -q ok || echo bad | mail -s bad root", {}, id="a look at the answer"),
    pytest.param("0 6 * * * curl -s {url}/a # remark; curl {url}/b", {}, id="a comment in the line"),
    pytest.param("0 6 * * * curl -s \"{url}/$(date +\\%Y/\\%m/\\%d)?from=$(date -d yesterday +\\%F)&week=`date +\\%G-W\\%V`\"", {}, id="dates in the URL"),
    pytest.param("0 6 * * * D=$(date -d '2 weeks ago' +\\%Y\\%m\\%d); curl -s -d day=$D -H \"X-Day: $D $(date -Idate)\" {url}/a", {}, id="a date in a variable"),
    pytest.param("0 6 * * * curl -s --json \"{{\\\"day\\\": \\\"$(date +\\%F)\\\", \\\"n\\\": [1, 2]}}\" {url}/a", {}, id="a date within JSON"),
    pytest.param("0 6 * * * curl -s --data-urlencode \"a=$(date '+\\%d/\\%m & \\%y')\" {url}/a", {}, id="an encoded date"),
    pytest.param("0 6 * * * curl -s -G --data-urlencode \"a=$(date '+\\%d/\\%m')\" {url}/a", {}, id="an encoded date in the query"),
    pytest.param("0 6 * * * curl -s -d \"first=$(date -d \"$(date +\\%Y-\\%m-01) -1 month\" +\\%F)\" {url}/a", {}, id="the first of last month"),
    pytest.param("0 6 * * * curl -s -d \"last=$(date -d \"$(date +\\%Y-\\%m-01) -1 day\" +\\%F)\" {url}/a", {}, id="the last of last month"),
    pytest.param("0 6 * * * curl -s -d \"midnight=$(date -d 'yesterday 00:00' +\\%s)\" {url}/a", {}, id="a time stamp"),
    pytest.param("0 6 * * * curl -s --json \"{{\\\"at\\\": $(date -d 'today 0:00' +\\%s)}}\" {url}/a", {}, id="a number within JSON"),
    pytest.param("0 6 * * * curl -s -d \"utc=$(date -u +\\%FT\\%H)&la=$(TZ=America/Los_Angeles date +\\%FT\\%H)\" {url}/a", {}, id="zones of dates"),
    pytest.param("TZ=Asia/Tokyo\n0 6 * * * curl -s -d \"a=$(date -d '+36 hours' +\\%FT\\%H)&b=$(date -u +\\%FT\\%H)\" {url}/a", {}, id="the zone of the command"),
    pytest.param("0 6 * * * sh -c \"curl -s -d a=$(date +\\%j) {url}/a\"", {}, id="a date for another shell"),
    pytest.param("0 6 * * * sh -c 'curl -s -d \"a=$(date \"+\\%j \\%u\")\" {url}/a'", {}, id="a date of another shell"),
    pytest.param("0 6 * * * echo \"$(date +\\%A)\" | curl -s -d @- {url}/a", {}, id="a date as input"),
    pytest.param("0 6 * * * curl -s -d \"{{{{ x }}}} {{$(date +\\%d)\" {url}/a", {}, id="braces beside a date"),
    pytest.param("0 6 * * * wget -qO- --header=\"X-Day: $(date +\\%F)\" \"{url}/a b/$(date +\\%F)\"", {}, id="wget's date"),
    pytest.param("0 6 * * * curl -s -F 'a=b c' -F 'j={{\"x\": 1}};type=application/json' --form-string 'f=@x' -F \"d=$(date +\\%F)\" {url}/a", {}, id="a form with parts"),
    pytest.param("0 6 * * * curl -s -L {url}/moved?a=1", {}, id="a redirect"),
    pytest.param("0 6 * * * curl -s -L -d a=b {url}/moved", {}, id="a redirect of POST"),
    pytest.param("0 6 * * * curl -s -L -u me:pw --max-redirs 1 -d a=b {url}/kept", {"kept-basic": basic("me:pw")}, id="a redirect that keeps the body"),
    pytest.param("0 6 * * * wget -qO- --post-data=a=b {url}/moved", {}, id="wget's redirect"),
    pytest.param("0 6 * * * wget -qO- --method=PUT --body-data=a=b {url}/moved", {}, id="wget's redirect of PUT"),
    pytest.param("0 6 * * * curl -s -x {url} http://behind.example/a?b", {}, id="a proxy"),
    pytest.param("http_proxy={url}\n0 6 * * * curl -s http://behind.example/a", {}, id="a proxy of the environment"),
    pytest.param("http_proxy={url}\n0 6 * * * wget -qO- http://behind.example/a", {}, id="wget's proxy"),
    pytest.param("0 6 * * * curl -s -x {url} --noproxy 127.0.0.1,x.test {url}/a", {}, id="no proxy for a host"),
    pytest.param("\ufeff0 6 * * *\tcurl -s {url}/a\r", {}, id="a file of Windows"),
    pytest.param("# 日次\n0 6 * * * curl -s {url}/日次/%E6%97%A5?名=値".replace("%", "\\%"), {}, id="Japanese"),
]  # fmt: skip
SEVERAL_CALLS = [
    pytest.param("0 6 * * * curl -s {url}/a && curl -s -d x {url}/b; curl -s {url}/c", {}, id="one after the other"),
    pytest.param("0 6 * * * curl -s {url}/a & curl -s {url}/b & wait", {}, id="at once"),
    pytest.param("0 6 * * * curl -s -d x {url}/a {url}/b", {}, id="two URLs"),
    pytest.param("0 6 * * * wget -qO- {url}/a {url}/b", {}, id="two URLs of wget"),
    pytest.param("* * * * * curl -s {url}/a; sleep 30; curl -s {url}/a", {}, id="twice a minute"),
    pytest.param("0 6 * * * ( curl -s {url}/a; wget -qO- {url}/b )", {}, id="in a subshell"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files that lines read, and programs that they run."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password pw\n", encoding="utf-8")
    (tmp_path / "bin").mkdir()
    for name, script in STUBS.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
    return tmp_path


@pytest.mark.parametrize(("template", "secrets"), [*ONE_CALL, *SEVERAL_CALLS])
async def test_the_jobs_send_what_the_line_sends(template: str, secrets: Mapping[str, str], folder: Path) -> None:
    for program in {"sh", "curl", *re.findall(r"\b(wget|bash|flock|ionice|setsid)\b", template)}:
        if shutil.which(program) is None:
            pytest.skip(f"there is no {program} here")
    with Target() as target:
        target.answers("/moved", Answer(302, headers=(("Location", "/there"),)))
        target.answers("/kept", Answer(308, headers=(("Location", "/there"),)))
        crontab = template.format(url=target.url("").rstrip("/"), dir=folder)
        found = import_crontab(crontab, path="crontab", zone="UTC")
        assert [one.message for one in found.problems if one.severity is Severity.ERROR] == []
        run_as_cron(crontab, folder)
        wanted = target.requests
        for text in found.manifests.values():
            await send(text, secrets)
        sent = target.requests[len(wanted) :]
    assert wanted
    assert sorted(map(in_short, sent), key=repr) == sorted(map(in_short, wanted), key=repr)


def run_as_cron(crontab: str, folder: Path) -> None:
    """Run the last line as cron(8) does: its settings are all that the shell knows, `%` is a line break."""
    *above, line = crontab.lstrip("\ufeff").rstrip("\r").split("\n")
    settings = dict(one.split("=", 1) for one in above if not one.startswith("#"))
    settings = {name: value[1:-1] if value[0] in "\"'" else value for name, value in settings.items()}
    command, stdin = parted(re.split(r"[ \t]+", line, maxsplit=1 if line[0] == "@" else 5)[-1])
    subprocess.run(
        [settings.get("SHELL", "/bin/sh"), "-c", command],
        input=stdin.encode(), capture_output=True, check=False, timeout=PATIENCE, cwd=folder,
        env={"PATH": f"{folder}/bin:{os.defpath}:/usr/bin", "HOME": str(folder), "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        | settings,
    )  # fmt: skip


def parted(text: str) -> tuple[str, str]:
    """The command and its input, letter by letter as cron parts them."""
    letters = iter(text)
    parts = [""]
    for letter in letters:
        if letter == "\\":
            following = next(letters, "")
            parts[-1] += following if following == "%" else letter + following
        elif letter == "%":
            parts.append("")
        else:
            parts[-1] += letter
    command, *lines = parts
    stdin = "\n".join(lines)
    return command, stdin if not stdin or stdin.endswith("\n") else stdin + "\n"


def test_there_are_many_lines() -> None:
    ids = [one.id for one in (*ONE_CALL, *SEVERAL_CALLS)]
    assert len(set(ids)) == len(ids) > 90
