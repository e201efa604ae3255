"""Command lines of curl and wget as the fields of a manifest."""

import shlex
from typing import Any

import pytest

from myscheduler.core.crontab.curl import read_curl
from myscheduler.core.crontab.errors import NotTakenOver
from myscheduler.core.crontab.web_call import Input, WebCall
from myscheduler.core.crontab.wget import read_wget

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}
ACCEPT = {"Accept": "application/json"}
ALWAYS = ("doubles with", "(--retry)", "a secret loses", "wget tries", "(-t)", "(-T)")
"""What is said of these calls beside what they become; tested below."""


def _call(line: str, stdin: str | None = None) -> WebCall:
    program, *words = shlex.split(line)
    if program == "wget":
        return read_wget(words, _reference_to)
    return read_curl(words, Input(stdin), _reference_to)


def _reference_to(path: str) -> str:
    return f"${{secret:{path}}}"


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        pytest.param("curl -sSf http://x", {}, id="harmless letters together"),
        pytest.param("curl -o /dev/null -w '%{http_code}' http://x", {}, id="harmless options with values"),
        pytest.param("curl x.test:80/run", {"target_url": "http://x.test:80/run"}, id="URL without a scheme"),
        pytest.param("curl --url http://x", {}, id="--url"),
        pytest.param("curl -- http://x", {}, id="--"),
        pytest.param("curl -XPUT http://x", {"method": "PUT"}, id="-XPUT"),
        pytest.param("curl --request DELETE http://x", {"method": "DELETE"}, id="--request"),
        pytest.param("curl -I http://x", {"method": "HEAD"}, id="head"),
        pytest.param(
            "curl -H 'A: b' -H 'a:c ' -H 'D;' -H 'Accept:' http://x",
            {"headers": {"A": ["b", "c"], "D": ""}},
            id="headers",
        ),
        pytest.param(
            "curl -A me -e http://r -r 0-9 -b a=b http://x",
            {"headers": {"User-Agent": "me", "Referer": "http://r", "Range": "bytes=0-9", "Cookie": "a=b"}},
            id="other headers",
        ),
        pytest.param(
            "curl -G -I -d a http://x", {"method": "HEAD", "target_url": "http://x?a"}, id="head with a query"
        ),
        pytest.param("curl --max-redirs 3 --no-compressed http://x", {}, id="what has no effect"),
        pytest.param("curl --oauth2-bearer t http://x", {"headers": {"Authorization": "Bearer t"}}, id="bearer"),
        pytest.param("curl -d a=1 -d b=2 http://x", {"method": "POST", "headers": FORM, "body": "a=1&b=2"}, id="form"),
        pytest.param("curl -d '' http://x", {"method": "POST", "headers": FORM, "body": ""}, id="empty form"),
        pytest.param(
            "curl -X PATCH --data-raw @a http://x", {"method": "PATCH", "headers": FORM, "body": "@a"}, id="raw"
        ),
        pytest.param(
            "curl --data-urlencode 'q=a b&c' --data-urlencode '日' http://x",
            {"method": "POST", "headers": FORM, "body": "q=a+b%26c&%E6%97%A5"},
            id="encoded",
        ),
        pytest.param(
            "curl -G -d a=1 --data-urlencode 'b= ' 'http://x?c#d'", {"target_url": "http://x?c&a=1&b=+#d"}, id="query"
        ),
        pytest.param("curl --url-query +a=b http://x", {"target_url": "http://x?a=b"}, id="--url-query"),
        pytest.param(
            """curl -H 'content-type: application/json' -d '{"a": [1, null]}' http://x""",
            {"method": "POST", "headers": {"content-type": "application/json"}, "body": {"a": [1, None]}},
            id="JSON",
        ),
        pytest.param(
            "curl --json '{}' http://x",
            {"method": "POST", "headers": JSON | {"Accept": "application/json"}, "body": {}},
            id="--json",
        ),
        pytest.param("curl -d @- http://x", {"method": "POST", "headers": FORM, "body": "ab"}, id="standard input"),
        pytest.param(
            "curl --data-binary @- http://x", {"method": "POST", "headers": FORM, "body": "a\nb\n"}, id="binary"
        ),
        pytest.param(
            "curl -m 2.5 --retry 3 --retry-delay 5 http://x",
            {"timeout_sec": 2.5, "max_retries": 3, "retry_backoff_sec": 5},
            id="time",
        ),
        pytest.param(
            "curl --retry 3 --retry-max-time 90 --retry-all-errors http://x",
            {"max_retries": 3, "retry": {"max_total_sec": 90, "statuses": ["400-999"]}},
            id="what is retried, and how long",
        ),
        pytest.param("curl --retry 2 --retry-max-time 0 http://x", {"max_retries": 2}, id="no limit of all attempts"),
        pytest.param("curl --retry-max-time 90 --retry-all-errors http://x", {}, id="nothing is retried"),
        pytest.param("curl -m 0 http://x", {}, id="no limit"),
        pytest.param("curl http://[::1]:80/x", {"target_url": "http://[::1]:80/x"}, id="IPv6"),
        pytest.param("curl -g 'http://x/[1-3]'", {"target_url": "http://x/[1-3]"}, id="brackets that are meant"),
        pytest.param("curl -d @/dev/null http://x", {"method": "POST", "headers": FORM, "body": ""}, id="nothing"),
        pytest.param("curl -XPOST --json '' http://x", {"method": "POST", "headers": JSON | ACCEPT}, id="no JSON"),
        pytest.param("curl -G -d '' http://x", {}, id="empty query"),
        pytest.param(
            "curl -H 'Content-Type: text/x' --data-binary @/etc/f http://x",
            {"method": "POST", "headers": {"Content-Type": "text/x"}, "body": "${secret:/etc/f}"},
            id="file",
        ),
        pytest.param(
            "curl --data-urlencode a@f http://x", {"method": "POST", "headers": FORM, "body": "a=${secret:f}"}, id="@"
        ),
        pytest.param("curl -b a=1 -b 'b=2; c=3' http://x", {"headers": {"Cookie": "a=1;b=2; c=3"}}, id="cookies"),
        pytest.param("curl -A '' -e '' -b '' http://x", {}, id="empty options"),
        pytest.param("curl -A me -H 'User-Agent:' http://x", {}, id="header that is taken back"),
        pytest.param("curl -H 'Content-Type:' http://x", {}, id="no type without a body"),
        pytest.param("curl -H 'Connection: close' -H 'Content-Length: 0' http://x", {}, id="of the connection"),
        pytest.param("curl -L http://x", {"follow_redirects": 20}, id="-L"),
        pytest.param("curl -L --max-redirs 3 http://x", {"follow_redirects": 3}, id="--max-redirs"),
        pytest.param("curl -L --max-redirs -1 http://x", {"follow_redirects": 20}, id="no limit of redirects"),
        pytest.param("curl -L --max-redirs 0 http://x", {}, id="no redirect"),
        pytest.param("curl -L --no-location http://x", {}, id="--no-location"),
        pytest.param("curl --connect-timeout 5 http://x", {"connect_timeout_sec": 5}, id="--connect-timeout"),
        pytest.param(
            "curl -m 4 --connect-timeout 5 http://x", {"timeout_sec": 4}, id="--connect-timeout that has no effect"
        ),
        pytest.param("curl --connect-timeout 60 http://x", {}, id="--connect-timeout above the usual timeout"),
        pytest.param("curl --proxy http://p:3128 http://x", {"proxy": "http://p:3128"}, id="--proxy"),
        pytest.param("curl -x p http://x", {"proxy": "http://p:1080"}, id="curl's port of proxies"),
        pytest.param("curl -x p:1 --noproxy a,x http://x", {}, id="--noproxy"),
        pytest.param("curl -x p:1 --noproxy y http://x", {"proxy": "http://p:1"}, id="--noproxy of another host"),
        pytest.param("curl -x '' http://x", {}, id="no proxy"),
        pytest.param("curl -k http://x", {}, id="-k without TLS"),
        pytest.param(
            'curl -F a=b -F \'c="d;\\"";type=text/x\' --form-string e=@f -F g= http://x',
            {
                "method": "POST",
                "multipart": [
                    {"name": "a", "value": "b"},
                    {"name": "c", "value": 'd;"', "content_type": "text/x"},
                    {"name": "e", "value": "@f"},
                    {"name": "g", "value": ""},
                ],
            },
            id="-F",
        ),
        pytest.param(
            "curl -X PUT -H 'Content-Type: multipart/form-data' -F a=b http://x",
            {"method": "PUT", "multipart": [{"name": "a", "value": "b"}]},
            id="-F with its type",
        ),
        pytest.param("wget -q -O- http://x", {}, id="wget"),
        pytest.param("wget -q -O- --max-redirect=2 http://x", {"follow_redirects": 2}, id="wget's redirects"),
        pytest.param("wget -q -O- -e http_proxy=p:1 http://x", {"proxy": "http://p:1"}, id="wget's proxy"),
        pytest.param("wget -q -O- -e https_proxy=p:1 http://x", {}, id="wget's proxy of https"),
        pytest.param("wget -q -O- -e http_proxy=p:1 --no-proxy http://x", {}, id="wget without its proxy"),
        pytest.param("wget -O- --connect-timeout=3 http://x", {"connect_timeout_sec": 3}, id="wget's connect timeout"),
        pytest.param("wget -qO /dev/null --no-verbose http://x", {}, id="wget to nowhere"),
        pytest.param("wget --spider -nv http://x", {"method": "HEAD"}, id="spider"),
        pytest.param("wget -q --delete-after -nd -nH -np -e robots=off http://x", {}, id="wget's harmless options"),
        pytest.param(
            "wget -O- --timeout=10 --tries=3 http://x", {"timeout_sec": 10, "max_retries": 2}, id="wget's time"
        ),
        pytest.param("wget -O- -t 1 -T 0 http://x", {}, id="wget's single try"),
        pytest.param(
            "wget -O- --header='A: b' -U me --post-data=a=b http://x",
            {"method": "POST", "headers": {"A": "b", "User-Agent": "me"} | FORM, "body": "a=b"},
            id="wget's post",
        ),
        pytest.param(
            "wget -O- --method PUT --body-data x http://x",
            {"method": "PUT", "headers": FORM, "body": "x"},
            id="wget's method",
        ),
    ],
)
def test_fields(line: str, fields: dict[str, Any]) -> None:
    call = _call(line, "a\nb\n")
    follows = {"follow_redirects": 20} if line.startswith("wget") else {}
    assert call.fields() == {"target_url": "http://x", "headers": {}} | follows | fields
    assert call.login is None
    assert [one for one in call.warnings if not any(told in one for told in ALWAYS)] == []


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        pytest.param("curl --cacert ca https://x", {"tls": {"ca": "${secret:ca}"}}, id="--cacert"),
        pytest.param(
            "curl -E cert --key key https://x",
            {"tls": {"certificate": "${secret:cert}", "key": "${secret:key}"}},
            id="--cert and --key",
        ),
        pytest.param(
            "curl --cert p https://x", {"tls": {"certificate": "${secret:p}", "key": "${secret:p}"}}, id="one file"
        ),
        pytest.param("curl -k --cacert ca https://x", {"tls": {"verify": False}}, id="-k"),
        pytest.param(
            "wget -t1 --max-redirect=0 -O- --no-check-certificate https://x", {"tls": {"verify": False}}, id="wget's -k"
        ),
        pytest.param(
            "wget -t1 --max-redirect=0 -O- --ca-certificate=ca --certificate=c --private-key=k https://x",
            {"tls": {"ca": "${secret:ca}", "certificate": "${secret:c}", "key": "${secret:k}"}},
            id="wget's certificates",
        ),
        pytest.param(
            "curl --aws-sigv4 aws:amz:eu-west-1:execute-api -u id:key -H 'X-Amz-Security-Token: t' https://x",
            {"auth": {"aws_sigv4": {
                "service": "execute-api", "region": "eu-west-1", "access_key_id": "id", "secret_access_key": "key",
                "session_token": "t",
            }}},
            id="--aws-sigv4",
        ),
    ],
)  # fmt: skip
def test_certificates_and_signatures(line: str, fields: dict[str, Any]) -> None:
    call = _call(line)
    assert call.fields() == {"target_url": "https://x", "headers": {}} | fields
    assert call.login is None


def test_the_host_of_aws_names_service_and_region() -> None:
    url = "https://sqs.eu-west-1.amazonaws.com/"
    signed = _call(f"curl --aws-sigv4 aws:amz -u id:key {url}").fields()["auth"]["aws_sigv4"]
    assert (signed["service"], signed["region"]) == ("sqs", "eu-west-1")


@pytest.mark.parametrize(
    ("line", "login"),
    [
        pytest.param("curl -u me:pass http://x", "me:pass", id="-u"),
        pytest.param("curl http://me:p%40ss@x", "me:p@ss", id="in the URL"),
        pytest.param("curl -u a:b http://c:d@x", "a:b", id="-u counts"),
        pytest.param("wget -O- --user=me --password=p http://x", "me:p", id="wget"),
    ],
)
def test_logins_leave_the_call(line: str, login: str) -> None:
    call = _call(line)
    assert call.fields().items() >= {"target_url": "http://x", "headers": {}}.items()
    assert call.login == login


@pytest.mark.parametrize(
    ("line", "warning"),
    [
        pytest.param("curl -c jar http://x", "cookies of the answer", id="-c"),
        pytest.param("curl -o file http://x", "the answer is not written to a file", id="-o"),
        pytest.param("curl -O http://x", "the answer is not written to a file", id="-O"),
        pytest.param("curl --path-as-is http://x", "dots in the path (/../) are resolved", id="--path-as-is"),
        pytest.param("curl -X get http://x", "the method is sent in capitals", id="-X get"),
        pytest.param("curl --retry 3 http://x", "any 5xx and a failed connection", id="--retry"),
        pytest.param("curl --retry-delay 3 http://x", "doubles with each retry", id="--retry-delay"),
        pytest.param("curl --socks5 p http://x", "no proxy is used", id="--socks5"),
        pytest.param("curl --interface eth0 http://x", "the local address of the connection", id="--interface"),
        pytest.param("curl -L --post301 http://x", "POST becomes GET (--post301)", id="--post301"),
        pytest.param("curl -L -X POST http://x", "curl keeps that of -X", id="-X and -L"),
        pytest.param("curl --location-trusted http://x", "are not sent to other hosts", id="--location-trusted"),
        pytest.param("curl -Lk http://x", "after a redirect to https, certificates are checked", id="-L and -k"),
        pytest.param("curl -x socks5://p http://x", "only proxies of HTTP are supported", id="-x socks5"),
        pytest.param("curl --compressed http://x", "a compressed answer is not requested", id="--compressed"),
        pytest.param("wget -t1 --max-redirect=0 -O- --waitretry=2 http://x", "(--waitretry)", id="--waitretry"),
        pytest.param(
            "wget -t1 --max-redirect=0 -O- --compression=auto http://x",
            "a compressed answer is not",
            id="--compression",
        ),
        pytest.param("curl -H content-type:a -d @f http://x", "its secret must be one line", id="-d @"),
        pytest.param("curl -H content-type:a --data-binary @f http://x", "loses one line break", id="--data-binary @"),
        pytest.param("wget --max-redirect=0 -t 1 http://x", "the answer is not written to a file", id="wget"),
        pytest.param("wget -O- http://x", "wget tries 20 times", id="wget's defaults"),
        pytest.param("wget -t 0 -O- http://x", "wget retries without end", id="wget without end"),
        pytest.param("wget -t inf --max-redirect=0 -O- http://x", "wget retries without end", id="inf"),
        pytest.param("wget -t 3 --max-redirect=0 -O- http://x", "wget retries what breaks off", id="-t"),
        pytest.param("wget -t1 --max-redirect=0 -T 3 -O- http://x", "wget's limit is for each wait", id="-T"),
        pytest.param(
            "wget -t1 --max-redirect=0 --user=a --password=b -O- http://x", "with the first request", id="wget's login"
        ),
    ],
)
def test_what_is_lost_is_said(line: str, warning: str) -> None:
    call = _call(line)
    assert call.fields()["target_url"] == "http://x"
    (found,) = call.warnings
    assert warning in found


def test_each_url_is_a_call() -> None:
    calls = _call("curl -m 5 -d a http://u:p@x http://y").of_each_url()
    assert [(one.fields()["target_url"], one.login) for one in calls] == [("http://x", "u:p"), ("http://y", None)]
    assert {one.fields()["body"] for one in calls} == {"a"}


@pytest.mark.parametrize(
    ("line", "file"),
    [
        pytest.param("curl -n http://x", "~/.netrc", id="-n"),
        pytest.param("curl --netrc-optional http://x", "~/.netrc", id="--netrc-optional"),
        pytest.param("curl --netrc-file /etc/n http://x", "/etc/n", id="--netrc-file"),
        pytest.param("curl -n -u a:b http://x", None, id="-u counts"),
    ],
)
def test_logins_in_files(line: str, file: str | None) -> None:
    assert _call(line).netrc == file


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param("curl -F a=@b http://x", "multipart: [{name: …, file: …}]", id="-F with a file"),
        pytest.param("curl -F a=<b http://x", "multipart: [{name: …, file: …}]", id="-F with the text of a file"),
        pytest.param("curl -F '=a' http://x", "a part of its form has no name", id="-F without a name"),
        pytest.param("curl -F 'a=(;type=multipart/mixed' http://x", "parts within parts", id="-F within -F"),
        pytest.param("curl -F 'a=b;filename=hunter2' http://x", "filename= (-F)", id="-F with a file name"),
        pytest.param("curl -F 'a=b;hunter2' http://x", "a ; that is no parameter", id="-F with a semicolon"),
        pytest.param("curl -F a=b -d c http://x", "which curl refuses", id="-F and -d"),
        pytest.param("curl --cert c:hunter2 https://x", "must have no password", id="--cert with a password"),
        pytest.param("curl --pass hunter2 https://x", "must have no password", id="--pass"),
        pytest.param("curl --key k https://x", "but no certificate", id="--key alone"),
        pytest.param("curl --cert-type P12 --cert c https://x", "have to be in PEM", id="--cert-type"),
        pytest.param("curl -x 'http://[hunter2' http://x", "its proxy can't be read", id="-x"),
        pytest.param("curl --aws-sigv4 osc -u a:b http://x", "a provider other than AWS", id="--aws-sigv4 osc"),
        pytest.param("curl --aws-sigv4 aws:amz -u a:b http://x", "neither region nor service", id="--aws-sigv4"),
        pytest.param("curl --aws-sigv4 aws:amz:r:s http://x", "has no access key", id="--aws-sigv4 without -u"),
        pytest.param("curl -T f http://x", "sends a file", id="-T"),
        pytest.param("curl -d @file http://x", "its body is in a file", id="-d @"),
        pytest.param("curl --json @file http://x", "its body is in a file", id="--json @"),
        pytest.param("curl -H content-type:text/x --data-urlencode a@f http://x", "is encoded as a form", id="no form"),
        pytest.param("curl -H Host:a -H host:b http://x", "sends Host 2 times", id="two hosts"),
        pytest.param("curl -u hunter2 http://x", "its login has no password", id="login without a password"),
        pytest.param("curl -r 0-5 -d a http://x", "sends a range of a body", id="part of a body"),
        pytest.param("curl -I -d a http://x", "curl sends no request", id="a head with a body"),
        pytest.param("curl --json 1 -X POST -I http://x", "curl sends no request", id="a head with JSON"),
        pytest.param("curl -H 'Host: a' -H 'host: b' http://x", "sends Host 2 times", id="two hosts"),
        pytest.param("curl -H Idempotency-Key:a -H Idempotency-Key:b http://x", "Key 2 times", id="two keys of a call"),
        pytest.param("""curl --json '{"a": 1, "a": 2}' http://x""", "a key appears twice in its body", id="two keys"),
        pytest.param("curl --json 0.12345678901234567890 http://x", "more digits than can be kept", id="digits"),
        pytest.param("curl --json 1e999 http://x", "more digits than can be kept", id="large number"),
        pytest.param("curl -d @- http://x", "its body is the output of another command", id="-d @-"),
        pytest.param("curl -H @file http://x", "its headers are in a file", id="-H @"),
        pytest.param("curl -H nonsense http://x", "a header has no colon", id="no header"),
        pytest.param("curl -H Content-Type: -d a http://x", "a body without a Content-Type", id="no content type"),
        pytest.param("curl -b jar http://x", "its cookies are in a file", id="-b file"),
        pytest.param("curl -K file http://x", "its options are in a file", id="-K"),
        pytest.param("curl --digest -u a:b http://x", "only Basic authentication", id="digest"),
        pytest.param("curl http://x --next http://y", "makes several calls", id="--next"),
        pytest.param("curl 'http://x/{a,b}'", "calls several URLs", id="braces"),
        pytest.param("curl 'http://x/[01-20]'", "calls several URLs", id="brackets"),
        pytest.param("curl --frobnicate http://x", "the option --frobnicate is not supported", id="unknown option"),
        pytest.param(
            "curl '--header=X: hunter2' http://x", "the option --header=… is not supported", id="value behind ="
        ),
        pytest.param("curl --user:hunter2 http://x", "an option is not supported", id="value behind :"),
        pytest.param("curl -@ http://x", "the option -@ is not supported", id="unknown letter"),
        pytest.param("curl http://x -m", "-m needs a value", id="no value"),
        pytest.param("curl -m soon http://x", "-m is not a number of seconds", id="time"),
        pytest.param("curl --retry many http://x", "--retry is not a whole number", id="retries"),
        pytest.param("curl -H content-type:text/json -d '{a' http://x", "its body is not JSON", id="no JSON"),
        pytest.param("curl --json null http://x", "the JSON null", id="null"),
        pytest.param("curl http://[x", "the URL can't be read", id="URL"),
        pytest.param("curl http://me:hunter2℀@x", "the URL can't be read", id="URL of such characters"),
        pytest.param(
            "wget -O- --frob=hunter2 http://x", "the option --frob of wget is not supported", id="wget's value"
        ),
        pytest.param("wget -N http://x", "depend on the age of a file", id="wget's age of a file"),
        pytest.param("wget -nc http://x", "depend on whether a file exists", id="wget's first time"),
        pytest.param("wget -i f", "its URLs are in a file", id="wget's list"),
        pytest.param("wget --load-cookies f http://x", "its cookies are in a file", id="wget's cookies"),
        pytest.param(
            "wget -e hunter2=1 http://x", "the option --execute of wget is not supported", id="wget's setting"
        ),
        pytest.param("wget -O- --post-file=f http://x", "its body is in a file", id="wget's file"),
        pytest.param("wget -O- --mirror http://x", "follows the links of pages", id="wget's mirror"),
    ],
)
def test_refused(line: str, message: str) -> None:
    with pytest.raises(NotTakenOver) as refused:
        _call(line).fields()
    assert message in str(refused.value)
    assert "hunter2" not in str(refused.value)
