"""What authors write, in a manifest or in a request: rules with their messages, and defaults."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.core.findings.problem import Severity
from myscheduler.core.job.codec import from_json, to_json
from myscheduler.core.job.compiling import compile_schedule
from myscheduler.core.job.digest import digest
from myscheduler.core.job.spec import DeclaredCron, DeclaredDate, DeclaredInterval, JobSpec
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.manifest.past import is_past
from myscheduler.core.schedule.clock import Clock
from myscheduler.core.schedule.slots import Once

BASE = {"job_id": "a", "cron": "0 0 * * *", "target_url": "https://x.test/run"}
TOKYO = "Asia/Tokyo"


def _spec(**fields: Any) -> JobSpec:
    spec, complaints = declare(BASE | fields, zone=TOKYO)
    assert spec is not None, complaints
    return spec


def _with(kind: str, value: Any, **more: Any) -> dict[str, Any]:
    return {"cron": None, kind: value, **more}


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        pytest.param({"targeturl": "x"}, "targeturl", "unknown key 'targeturl': did you mean 'target_url'?", id="typo"),
        pytest.param({"xyzzy": 1}, "xyzzy", "unknown key 'xyzzy': the keys are job_id, name, ", id="unknown key"),
        pytest.param(
            _with("interval", {"hour": 1}), "interval.hour", "did you mean 'hours'?", id="unit of an interval"
        ),
        pytest.param({"slo": {}}, "slo.success", "is missing", id="objective without success"),
        pytest.param({"slo": {"success": 100}}, "slo.success", "should be less than 100", id="all have to go well"),
        pytest.param(
            {"slo": {"success": 99, "windw": "P1D"}}, "slo.windw", "did you mean 'window'?", id="key of an objective"
        ),
        pytest.param({"slo": 99.5}, "slo", "has to be an object, not 99.5", id="objective as a number"),
        pytest.param({"slo": {"success": 99, "late_sec": -1}}, "slo.late_sec", "greater than or equal", id="early"),
        pytest.param(
            {"slo": {"success": 99, "window": "30d"}}, "slo.window", "'30d' is not a duration", id="window in words"
        ),
        pytest.param(
            {"slo": {"success": 99, "window": "PT59M"}}, "slo.window", "from an hour to 366 days", id="short window"
        ),
        pytest.param(
            {"slo": {"success": 99, "window": "P99999999999999D"}},
            "slo.window",
            "is not a duration",
            id="endless window",
        ),
        pytest.param(
            {"connect_timeout_sec": 31},
            "connect_timeout_sec",
            "write at most 30, the timeout_sec",
            id="longer than usual",
        ),
        pytest.param(
            {"connect_timeout_sec": 6, "timeout_sec": 5}, "connect_timeout_sec", "write at most 5", id="longer than all"
        ),
        pytest.param({"connect_timeout_sec": 0}, "connect_timeout_sec", "greater than 0", id="no time to connect"),
        pytest.param({"keep_response": "no"}, "keep_response", "true or false", id="a word for keep_response"),
        pytest.param({"follow_redirects": 21}, "follow_redirects", "from 1 to 20", id="many redirects"),
        pytest.param({"follow_redirects": 0}, "follow_redirects", "from 1 to 20", id="no redirects"),
        pytest.param({"follow_redirects": "yes"}, "follow_redirects", "has to be true", id="a word for redirects"),
        pytest.param({"tls": {"ca": "no PEM"}}, "tls.ca", "has to be certificates in PEM", id="no PEM"),
        pytest.param({"tls": {"ca": "${secret:a} b"}}, "tls.ca", "certificates in PEM", id="more than a secret"),
        pytest.param({"tls": {"ca": "-----BEGIN PRIVATE KEY-----\nx"}}, "tls.ca", "a private key", id="key as ca"),
        pytest.param(
            {"tls": {"certificate": "${secret:a}", "key": "-----BEGIN PRIVATE KEY-----\nx"}},
            "tls.key",
            "has to be a secret",
            id="literal key",
        ),
        pytest.param({"tls": {"certificate": "${secret:a}"}}, "tls", "lacks key", id="certificate without a key"),
        pytest.param({"tls": {"verify": False}}, "tls.verify", "allow_insecure_tls in policy.yaml", id="no check"),
        pytest.param({"tls": {"check": False}}, "tls.check", "keys are ca", id="key of tls"),
        pytest.param({"tls": {"ca": "${secret:a/b}"}}, "tls.ca", "no valid name", id="broken reference"),
        pytest.param({"proxy": "proxy:3128"}, "proxy", "the URL of an HTTP proxy", id="no URL"),
        pytest.param({"proxy": "https://proxy:3128"}, "proxy", "the URL of an HTTP proxy", id="proxy by TLS"),
        pytest.param({"proxy": "http://proxy:3128/x"}, "proxy", "the URL of an HTTP proxy", id="proxy with a path"),
        pytest.param({"proxy": "http://me:pw@proxy"}, "proxy", "has a password", id="password of the proxy"),
        pytest.param({"proxy": "http://token@proxy"}, "proxy", "has a password", id="token of the proxy"),
        pytest.param({"proxy": "http://${secret:a}:80"}, "proxy", "the URL of an HTTP proxy", id="secret as a host"),
        pytest.param({"proxy": "http://169.254.169.254"}, "proxy", "link-local", id="proxy at a metadata address"),
        pytest.param({"retry": 3}, "retry", "has to be an object, not 3", id="retries as a number"),
        pytest.param({"retry": {"attempts": 3}}, "retry.attempts", "did you mean 'max_attempts'?", id="key of retry"),
        pytest.param({"retry": {"max_attempts": 0}}, "retry.max_attempts", "greater than or equal", id="no attempt"),
        pytest.param(
            {"max_retries": 2, "retry": {"max_attempts": 3}}, "retry.max_attempts", "the same as max_retries", id="both"
        ),
        pytest.param(
            {"retry": {"max_attempts": 3, "statuses": [404, "5xx"]}}, "retry.statuses.1", "'5xx' is not", id="5xx"
        ),
        pytest.param(
            {"retry": {"max_attempts": 3, "statuses": ["599-500"]}}, "retry.statuses.0", "is not a status", id="turned"
        ),
        pytest.param(
            {"retry": {"max_attempts": 3, "statuses": [True]}}, "retry.statuses.0", "True is not", id="true as a status"
        ),
        pytest.param({"retry": {"max_attempts": 3, "statuses": []}}, "retry.statuses", "empty", id="no statuses"),
        pytest.param(
            {"retry": {"max_attempts": 3, "on": ["conect"]}}, "retry.on.0", "did you mean 'connect'?", id="kind"
        ),
        pytest.param(
            {"retry": {"max_attempts": 3, "max_delay_sec": 0}}, "retry.max_delay_sec", "greater than 0", id="no wait"
        ),
        pytest.param({"expect": {"statuses": [200]}}, "expect.statuses", "did you mean 'status'?", id="key of expect"),
        pytest.param({"expect": {"status": ["2xx"]}}, "expect.status.0", "'2xx' is not a status", id="2xx"),
        pytest.param({"expect": {"json": {"ok": True}}}, "expect.json.ok", "not a JSON Pointer", id="no pointer"),
        pytest.param({"expect": {"json": {"/a~2": 1}}}, "expect.json./a~2", "not a JSON Pointer", id="odd escape"),
        pytest.param({"expect": {"json": {}}}, "expect.json", "empty", id="no place"),
        pytest.param({"expect": {"json": {"/a": {}}}}, "expect.json./a", "says nothing", id="no condition"),
        pytest.param(
            {"expect": {"json": {"/a": {"grt": 1}}}}, "expect.json./a.grt", "did you mean 'gt'?", id="unknown operator"
        ),
        pytest.param({"expect": {"json": {"/a": {"gt": "1"}}}}, "expect.json./a.gt", "a number", id="text as a bound"),
        pytest.param({"expect": {"json": {"/a": {"gt": True}}}}, "expect.json./a.gt", "a number", id="true as a bound"),
        pytest.param({"expect": {"json": {"/a": {"in": 1}}}}, "expect.json./a.in", "a list", id="in a number"),
        pytest.param(
            {"expect": {"json": {"/a": {"exists": 1}}}}, "expect.json./a.exists", "true or false", id="exists"
        ),
        pytest.param(
            {"expect": {"json": {"/a": {"contains": [1]}}}}, "expect.json./a.contains", "text, a number", id="contains"
        ),
        pytest.param(
            {"expect": {"json": {"/a": {"length": {"exists": True}}}}},
            "expect.json./a.length.exists",
            "unknown operator",
            id="operator that lengths lack",
        ),
        pytest.param({"expect": {"body_contains": ""}}, "expect.body_contains", "1 to 20 texts", id="empty text"),
        pytest.param({"expect": {"body_contains": [1]}}, "expect.body_contains", "1 to 20 texts", id="no text"),
        pytest.param(
            {"expect": {"max_duration_ms": 0}}, "expect.max_duration_ms", "greater than or equal", id="no time"
        ),
        pytest.param({"job_id": ""}, "job_id", "at least 1 character", id="empty id"),
        pytest.param({"job_id": "x" * 256}, "job_id", "at most 255 characters", id="long id"),
        pytest.param(
            {"job_id": "a/b?"},
            "job_id",
            "'a/b?' contains / ?, which have a special meaning in URLs: write 'a-b-', for",
            id="id with a slash",
        ),
        pytest.param({"job_id": ".."}, "job_id", "'..' can't be a part of a URL", id="id of dots"),
        pytest.param({"job_id": "a\nb"}, "job_id", "'a\\nb' contains line breaks", id="id with a line break"),
        pytest.param(
            {"job_id": " a"}, "job_id", "' a' starts or ends with a space: write 'a'", id="id with a space before it"
        ),
        pytest.param({"job_id": 7}, "job_id", "has to be text, not 7: put it into quotes", id="number as id"),
        pytest.param({"name": "a\nb"}, "name", "'a\\nb' contains line breaks", id="name"),
        pytest.param({"target_url": ""}, "target_url", "is empty: write the URL to call", id="empty URL"),
        pytest.param({"target_url": None}, "target_url", "is missing", id="null URL"),
        pytest.param({"target_url": "ftp://x"}, "target_url", "has to start with http:// or https://", id="ftp"),
        pytest.param({"target_url": "http:///x"}, "target_url", "has no host", id="no host"),
        pytest.param({"target_url": "http://[x"}, "target_url", "is not a URL whose host", id="brackets"),
        pytest.param({"target_url": "http://x:99999"}, "target_url", "is not a URL whose host", id="port"),
        pytest.param({"target_url": "http://x:0"}, "target_url", "has port 0", id="port 0"),
        *(
            pytest.param({"target_url": url}, "target_url", message, id=url)
            for url, message in (
                ("http://127.1/", "has the host 127.1, which is not an address that can be called: write 127.0.0.1"),
                ("http://2130706433/", "not an address that can be called: write 127.0.0.1"),
                ("http://127.0.0.01/", "not an address that can be called: write 127.0.0.1"),
                ("http://127.0.0.1./", "not an address that can be called: write 127.0.0.1"),
                ("http://1.2.3.4.5/", "not an address that can be called: write four numbers up to 255"),
                ("http://-a.com/", "names a host that begins with -, which is not allowed"),
                ("https://https://example.com/", "has its scheme twice: write it once"),
                ("https://http:/example.com/", "has its scheme twice: write it once"),
                ("http://HTTP//example.com/", "has its scheme twice: write it once"),
                ("http://256.1.1.1/", "write four numbers up to 255, such as 127.0.0.1"),
                ("http://$HOST/", "names a host that contains $, which no host does: write the name of a host"),
                ("http://u:p@{host}:80/", "names a host that contains { }"),
                ("http://<id>.example.com/", "names a host that contains < >"),
                ("http://a_b{c}/", "names a host that contains { }"),
                ("http://%HOST%/", "names a host that contains %"),
                ("http://*.example.com/", "names a host that contains *"),
                ("http://a..b/", "a part that is empty or longer than 63 characters"),
                (f"http://{'a' * 64}.com/", "a part that is empty or longer than 63 characters"),
                (f"http://{'a.' * 127}com/", "or with more than 253 in all"),
                ("http://☃.com/", "names a host that no domain can have"),
                ("http://xn--a/", "names a host that no domain can have"),
                (
                    "http://[v1.a]/",
                    "has brackets around text that is not an IPv6 address: write one, such as http://[::1]:8080/",
                ),
            )
        ),
        pytest.param(
            {"headers": {"x-a": "1", "X-A": "2"}},
            "headers.X-A",
            "is the same header as x-a: remove one",
            id="spellings",
        ),
        pytest.param({"headers": {"Expect": "100-continue"}}, "headers.Expect", "set by the HTTP client", id="Expect"),
        pytest.param({"max_retries": 3.5}, "max_retries", "whole number, not 3.5", id="a part of a retry"),
        pytest.param({"\u3000name": "x"}, "…", "a full-width space (U+3000) is a part of the key 'name'", id="U+3000"),
        pytest.param({"timezone": "GMT+2"}, "timezone", "for UTC+2 write Etc/GMT-2", id="GMT+2"),
        pytest.param({"timezone": "UTC+09:00"}, "timezone", "write Asia/Tokyo or Etc/GMT-9", id="UTC+09:00"),
        pytest.param({"timezone": "-3"}, "timezone", "for UTC-3 write Etc/GMT+3", id="a bare offset"),
        pytest.param({"timezone": "+05:30"}, "timezone", "for UTC+5:30 write Asia/Kolkata", id="half an hour"),
        pytest.param(
            {"timezone": "UTC+13:37"}, "timezone", "no time zone always has the offset UTC+13:37", id="no such offset"
        ),
        pytest.param(
            {"timezone": "Etc/GMT+25"},
            "timezone",
            "no time zone always has the offset UTC-25",
            id="another offset is not meant",
        ),
        pytest.param({"headers": {"A": []}}, "headers.A", "is an empty list", id="no value of a header"),
        pytest.param(
            {"headers": {"A": ["b", "c\nd"]}}, "headers.A.1", "can't hold line breaks", id="a line break in one"
        ),
        pytest.param(
            {"headers": {"A": ["b", 1]}}, "headers.A.1", "has to be text, not a number", id="a number in a list"
        ),
        pytest.param({"headers": {"A": 1}}, "headers.A", "has to be text, not a number: put it into", id="a number"),
        pytest.param({"headers": {"A": {"b": "c"}}}, "headers.A", "has to be text, not an object", id="an object"),
        pytest.param({"headers": {"A": ["${x}"]}}, "headers.A.0", "${ begins a reference", id="a reference in a list"),
        *(
            pytest.param(
                {"headers": {"Host": value}},
                "headers.Host",
                "is not a host that all servers read the same way",
                id=value,
            )
            for value in ("a b", "", "a.test/x", "u@a.test", "a.test, b.test", "日本.jp", "a.test\n")
        ),
        pytest.param({"headers": {"Host": ["a", "b"]}}, "headers.Host", "takes one value, not a list", id="two hosts"),
        pytest.param(
            {"body": {"a": [1, float("inf")]}},
            "body.a.1",
            "is a number that JSON can't express",
            id="an endless number",
        ),
        pytest.param({"target_url": "http://x/a b"}, "target_url", "write a space as %20", id="space in a URL"),
        pytest.param({"method": "A B"}, "method", "'A B' is no method such as GET, POST, PUT", id="method"),
        pytest.param({"method": "CONNECT"}, "method", "is no method such as", id="method of proxies"),
        pytest.param({"query": {"a": None}}, "query.a", "text, a number", id="parameter of null"),
        pytest.param({"query": {"a": [{}]}}, "query.a", "text, a number", id="parameter of objects"),
        pytest.param({"form": {"": 1}}, "form.", "has no name", id="parameter without a name"),
        pytest.param({"body": 1, "text": "a"}, "text", "one body: remove text, or body", id="two bodies"),
        pytest.param({"base64": "ab!"}, "base64", "is not base64", id="no base64"),
        pytest.param(
            {"form": {"a": 1}, "headers": {"content-type": "text/plain"}},
            "headers.content-type",
            "form sets the Content-Type itself",
            id="form of another type",
        ),
        pytest.param({"multipart": [{"name": "a"}]}, "multipart.0", "either value or file", id="empty part"),
        pytest.param({"multipart": []}, "multipart", "empty", id="no part"),
        pytest.param(
            {"multipart": [{"name": "a", "file": "a/../../b"}]}, "multipart.0.file", "below the root", id="file outside"
        ),
        pytest.param(
            {"multipart": [{"name": "a", "value": "b", "filename": "c"}]},
            "multipart.0.filename",
            "belongs to file",
            id="file name of a value",
        ),
        pytest.param(
            {"multipart": [{"name": "a\r\nb", "value": "c"}]}, "multipart.0.name", "control", id="name in two lines"
        ),
        pytest.param(
            {"multipart": [{"name": "a", "value": "b", "content_type": "csv"}]},
            "multipart.0.content_type",
            "is not a media type",
            id="type of a part",
        ),
        pytest.param({"auth": {}}, "auth", "exactly one of basic, bearer", id="no auth"),
        pytest.param(
            {"auth": {"bearer": {"token": "a"}, "kubernetes": {"audience": "b"}}}, "auth", "exactly one", id="two auths"
        ),
        pytest.param({"auth": {"barer": {}}}, "auth.barer", "did you mean 'bearer'?", id="key of auth"),
        pytest.param(
            {"auth": {"oauth2": {"token_url": "http://t", "client_id": "a", "client_secret": "b", "scop": "c"}}},
            "auth.oauth2.scop",
            "did you mean 'scope'?",
            id="key of oauth2",
        ),
        pytest.param(
            {"auth": {"oauth2": {"token_url": "ftp://t", "client_id": "a", "client_secret": "b"}}},
            "auth.oauth2.token_url",
            "an http or https URL",
            id="token URL",
        ),
        pytest.param(
            {"auth": {"oauth2": {"token_url": "http://t/${secret:a}", "client_id": "a", "client_secret": "b"}}},
            "auth.oauth2.token_url",
            "can't contain a reference",
            id="secret in a token URL",
        ),
        pytest.param(
            {"auth": {"oauth2": {"token_url": "http://169.254.169.254/", "client_id": "a", "client_secret": "b"}}},
            "auth.oauth2.token_url",
            "link-local",
            id="token URL of the metadata server",
        ),
        pytest.param(
            {"auth": {"bearer": {"token": "a"}}, "headers": {"Authorization": "x"}},
            "headers.Authorization",
            "auth sends this header",
            id="auth twice",
        ),
        pytest.param(
            {"auth": {"basic": {"username": "a:b", "password": "c"}}},
            "auth.basic.username",
            "can't contain a colon",
            id="colon in a user",
        ),
        pytest.param(
            {"sign": {"standard_webhooks": ["whsec_AAAA"]}},
            "sign.standard_webhooks.0",
            "is no key of Standard Webhooks",
            id="short signing key",
        ),
        pytest.param(
            {"sign": {"standard_webhooks": ["${secret:a}"]}, "headers": {"Webhook-Id": "x"}},
            "headers.Webhook-Id",
            "sign sends this header",
            id="header of signatures",
        ),
        pytest.param({"method": "PSOT"}, "method", "did you mean 'POST'?", id="mistyped method"),
        pytest.param({"overlap": "Skipp"}, "overlap", "'allow': did you mean 'skip'?", id="mistyped word"),
        pytest.param({"method": "x" * 99}, "method", f"'{'x' * 57}…' is no method such as", id="a long value is cut"),
        pytest.param({"cron": "0 9 * sept *"}, "cron", "`SEPT` is not understood: did you mean `SEP`?", id="sept"),
        pytest.param({"cron": "@dayly"}, "cron", "did you mean @daily?", id="@dayly"),
        pytest.param(_with("interval", "1h"), "interval", "'1h' is not a duration", id="1h"),
        pytest.param({"end_at": "soon"}, "end_at", "'soon' is not a date with a time", id="soon"),
        pytest.param({"headers": {"a b": "x"}}, "headers.a…", "'a…' is not a header name", id="header name"),
        pytest.param({"headers": {"A: Bearer x": "y"}}, "headers.A…", "'A…' is not a header name", id="a whole header"),
        pytest.param({"headers": {"A": "x\r\nB: y"}}, "headers.A", "can't hold line breaks", id="header injection"),
        pytest.param(
            {"headers": {"Content-Length": "1"}}, "headers.Content-Length", "set by the HTTP client", id="length"
        ),
        pytest.param({"headers": {"A": 1}}, "headers.A", "put it into quotes", id="number as a header"),
        pytest.param({"headers": ["A"]}, "headers", "has to be an object, not a list", id="headers as a list"),
        pytest.param({"labels": {"cron": 5}}, "labels.cron", "has to be text, not 5: put it", id="a label named cron"),
        pytest.param({"labels": {"a": None}}, "labels.a", "has to be text, not nothing", id="label"),
        pytest.param({"body": float("nan")}, "body", "is a number that JSON can't express", id="NaN"),
        pytest.param({"body": {"a": ["\ud800"]}}, "body", "half of a surrogate pair", id="surrogate"),
        pytest.param({"timeout_sec": 0}, "timeout_sec", "should be greater than 0, not 0", id="no time"),
        pytest.param(
            {"timeout_sec": "30"}, "timeout_sec", "has to be a number, not the text '30'", id="text as a number"
        ),
        pytest.param({"timeout_sec": 1e999}, "timeout_sec", "less than or equal to 86400", id="infinite timeout"),
        pytest.param({"max_retries": 10**30}, "max_retries", "equal to 100, not a huge number", id="endless retries"),
        pytest.param({"max_retries": 1.5}, "max_retries", "has to be a whole number", id="half a retry"),
        pytest.param({"retry_backoff_sec": -1}, "retry_backoff_sec", "equal to 0, not -1", id="negative delay"),
        pytest.param({"misfire_grace_time": 0}, "misfire_grace_time", "equal to 1, not 0", id="no grace"),
        pytest.param({"max_instances": 0}, "max_instances", "equal to 1, not 0", id="no instance"),
        pytest.param({"coalesce": 1}, "coalesce", "has to be true or false, not 1", id="coalesce"),
        pytest.param({"timezone": "Tokyo"}, "timezone", "did you mean Asia/Tokyo?", id="zone"),
        pytest.param({"cron": None}, "", "the job has no schedule: write exactly one of", id="no schedule"),
        pytest.param({"run_at": "x"}, "", "cron and run_at exclude each other", id="two schedules"),
        pytest.param(
            {"schedule_type": "date"}, "run_at", "schedule_type is date, so run_at is needed", id="other type"
        ),
        pytest.param(
            {"schedule_type": "cron", "run_at": "x"},
            "run_at",
            "schedule_type is cron: remove run_at",
            id="one too many",
        ),
        pytest.param(
            {"schedule_type": "crom"},
            "schedule_type",
            "'crom' is not one of 'cron', 'interval', 'date' or 'after'",
            id="crom",
        ),
        pytest.param({"anchor": "2026-01-01T00:00:00Z"}, "anchor", "anchor belongs to interval", id="anchor of a cron"),
        pytest.param(_with("interval", {"hours": 1}, day_match="all"), "day_match", "belongs to cron", id="day_match"),
        pytest.param({"cron": {"hur": 1}}, "cron.hur", "did you mean `hour`?", id="cron field"),
        pytest.param(
            {"cron": {"hur": None, "hour": 1}}, "cron.hur", "did you mean `hour`?", id="cron field that is null"
        ),
        pytest.param({"cron": {"hour": "99"}}, "cron.hour", "`99` is out of range: hour takes 0-23", id="hour 99"),
        pytest.param({"cron": "0 99 * * *"}, "cron", "hour: `99` is out of range", id="crontab names the field"),
        pytest.param({"cron": "*/5"}, "cron", "has 1 fields, not 5", id="short crontab"),
        pytest.param({"cron": 5}, "cron", "can't be 5: write a crontab line such as", id="number as cron"),
        pytest.param({"cron": ["0 9 * * *", None]}, "cron.1", "can't be nothing: write", id="null in a list"),
        pytest.param({"cron": [["0 9 * * *"]]}, "cron.0", "can't be a list: write a crontab line", id="list in a list"),
        pytest.param({"cron": {"day": 31, "month": 2}}, "cron", "never fires", id="31 February"),
        pytest.param(_with("interval", {}), "interval", "at least one second", id="empty interval"),
        pytest.param(_with("interval", 5), "interval", "such as {minutes: 10}, or an ISO", id="number as interval"),
        pytest.param(_with("interval", "10m"), "interval", "is not a duration: write one such as PT10M", id="10m"),
        pytest.param(_with("interval", {"hours": "1"}), "interval.hours", "a whole number", id="text as unit"),
        pytest.param(
            {"seconds": True}, "cron", "`0 0 * * *` has 5 fields, not 6: second minute hour", id="5 with seconds"
        ),
        pytest.param({"cron": {"hour": 1}, "seconds": True}, "seconds", "the field `second`", id="object with seconds"),
        pytest.param(_with("interval", "PT1H", seconds=True), "seconds", "seconds belongs to cron", id="not cron"),
        pytest.param({"dst": {"gapp": "skip"}}, "dst.gapp", "did you mean 'gap'?", id="dst.gapp"),
        pytest.param({"dst": {"gap": "no"}}, "dst.gap", "'no' is not one of 'run' or 'skip'", id="dst.gap"),
        pytest.param({"dst": "skip"}, "dst", "has to be an object, not the text 'skip'", id="dst as text"),
        pytest.param(_with("interval", "PT1H", dst={}), "dst", "dst belongs to cron", id="dst of an interval"),
        pytest.param({"catchup": "some"}, "catchup", "'some' is not one of 'none', 'last'", id="catchup"),
        pytest.param({"catchup": "all", "coalesce": True}, "catchup", "contradicts coalesce: true", id="both words"),
        pytest.param({"overlap": "allow", "max_instances": 3}, "overlap", "remove max_instances", id="allow 3"),
        pytest.param(
            {"overlap": "replace", "catchup": "all"}, "overlap", "write catchup: last or none", id="replace all"
        ),
        pytest.param({"fold": 1}, "fold", "fold belongs to run_at", id="fold without run_at"),
        pytest.param(
            _with("run_at", "2099-10-25T02:30+02:00", fold=1),
            "fold",
            "the offset of run_at already says",
            id="fold and offset",
        ),
        pytest.param(
            _with("run_at", "2026-10-25T02:30", timezone="Europe/Berlin"),
            "run_at",
            "`fold: 0` or `fold: 1`",
            id="twice",
        ),
        pytest.param(
            _with("interval", {"weeks": 5200, "days": 36500}), "interval", "a hundred years", id="long interval"
        ),
        pytest.param(
            _with("interval", {"hours": 1}, anchor="2026"), "anchor", "is not a date with a time", id="anchor"
        ),
        pytest.param(_with("run_at", "tomorrow"), "run_at", "is not a date with a time", id="run_at"),
        pytest.param(
            _with("run_at", "2026-03-08T02:30:00", timezone="America/New_York"), "run_at", "doesn't exist", id="DST gap"
        ),
    ],
)
def test_complaint(fields: dict[str, Any], field: str, message: str) -> None:
    spec, complaints = declare(BASE | fields, zone=TOKYO)
    assert spec is None
    assert [complaint.field for complaint in complaints] == [field]
    assert message in complaints[0].message


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param({"headers": {"X-Api-Key": "hunter2\n"}}, id="header with a line break"),
        pytest.param({"headers": {"X-Api-Key": ["hunter2\n", {}]}}, id="header as a list"),
        pytest.param({"headers": "hunter2"}, id="headers as text"),
        pytest.param({"headers": {"X-Api-Key": 4242}}, id="number as a header"),
        pytest.param({"target_url": "ftp://me:hunter2@example.com/"}, id="user of another scheme"),
        pytest.param({"target_url": "me:hunter2@example.com/"}, id="user without a scheme"),
        pytest.param({"target_url": "http://me:hunter2/x@example.com/"}, id="password read as a port"),
        pytest.param({"target_url": "http://example.com/?token=hunter2 "}, id="parameter"),
        pytest.param({"target_url": ["hunter2"]}, id="URL as a list"),
        pytest.param({"target_url": 4242}, id="URL as a number"),
        pytest.param({"target_url": f"http://example.com/{'hunter2' * 2000}"}, id="long URL"),
        pytest.param({"body": {"password": "hunter2\ud800"}}, id="body"),
    ],
)
def test_no_message_repeats_a_credential(fields: dict[str, Any]) -> None:
    spec, complaints = declare(BASE | fields, zone=TOKYO)
    assert spec is None
    assert [one for one in complaints if "hunter2" in one.message or "4242" in one.message] == []


def test_every_problem_at_once() -> None:
    fields = {"job_id": "a/b", "target_url": "", "method": "X Y", "cron": "*", "headers": {"A": "\0"}}
    _, complaints = declare(fields, zone=TOKYO)
    assert [complaint.field for complaint in complaints] == ["job_id", "target_url", "method", "headers.A", "cron"]
    _, complaints = declare({"a": 1, "b": 2}, zone=TOKYO)
    assert {complaint.field for complaint in complaints} == {"a", "b", "target_url"}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({"timezone": "Asia/Tokio", "cron": "x"}, {"timezone", "cron"}, id="zone and cron"),
        pytest.param(
            {"timezone": "Mars", "cron": ["0 9 * * *", "x", "y"]}, {"timezone", "cron.1", "cron.2"}, id="crons"
        ),
        pytest.param(
            {"cron": None, "interval": "P1H", "anchor": "soon", "timezone": "Mars"},
            {"interval", "anchor", "timezone"},
            id="interval and anchor",
        ),
        pytest.param(
            {"cron": None, "interval": "PT1H", "clock": "wall"}, {"interval", "anchor"}, id="interval by the wall clock"
        ),
        pytest.param(
            {
                "blackout": [
                    {"from": "x", "to": "y"},
                    {"cron": "x", "duration": "P400D"},
                    {"from": "2026-01-02T00:00", "to": "2026-01-01T00:00"},
                    {"cron": "* * * * *"},
                ]
            },
            {
                "blackout.0.from",
                "blackout.0.to",
                "blackout.1.cron",
                "blackout.1.duration",
                "blackout.2.to",
                "blackout.3",
            },
            id="blackouts",
        ),
        pytest.param(
            {"start_at": "x", "end_at": "y", "calendar": {"name": "office", "country": "JP"}},
            {"start_at", "end_at", "calendar", "calendar.country", "calendar.name"},
            id="window and calendar",
        ),
    ],
)
def test_one_fault_hides_no_other(fields: dict[str, Any], told: set[str]) -> None:
    values = {"job_id": "a", "target_url": "https://example.com/", "cron": "0 9 * * *"} | fields
    spec, complaints = declare({name: value for name, value in values.items() if value is not None}, zone="UTC")
    assert spec is None
    assert {one.field for one in complaints} == told


def test_nothing_is_said_about_local_times_of_a_zone_that_is_not_known() -> None:
    """In the zone of the service, there is no such hour on that night."""
    values = {"job_id": "a", "target_url": "https://example.com/", "run_at": "2026-03-29T02:30"}
    assert [one.field for one in declare(values, zone="Europe/Berlin")[1]] == ["run_at"]
    assert [one.field for one in declare(values | {"timezone": "Mars"}, zone="Europe/Berlin")[1]] == ["timezone"]


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        (
            {"X-日": "a", "x y": "b", "": "c", "Set-Cookie:": "x", "A": "d"},
            [
                ("headers.X-日", "'X-日' is not a header name: use ASCII letters, digits and -"),
                ("headers.x…", "'x…' is not a header name: use ASCII letters, digits and -"),
                ("headers.", "the name of a header is empty: write it, or remove the line"),
                ("headers.Set-Cookie…", "'Set-Cookie…' is not a header name: use ASCII letters, digits and -"),
            ],
        ),
        (
            {"A": 5, "a": "x", "b c": "d", "E": "f\n"},
            [
                ("headers.A", "has to be text, not a number: put it into quotes"),
                ("headers.b…", "'b…' is not a header name: use ASCII letters, digits and -"),
                ("headers.E", "a header value can't hold line breaks or other control characters: remove them"),
                (
                    "headers.a",
                    "is the same header as A: remove one; write several values as a list under one name",
                ),
            ],
        ),
    ],
)
def test_each_header_is_told(headers: dict[str, Any], told: list[tuple[str, str]]) -> None:
    _, complaints = declare(BASE | {"headers": headers}, zone=TOKYO)
    assert [(complaint.field, complaint.message) for complaint in complaints] == told
    assert len({complaint.loc for complaint in complaints}) == len(told)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (_with("interval", {"month": 1}, anchor="2026-01-31T09:00", clock="wall"), ["interval.month"]),
        (_with("interval", 5, anchor="2026-01-31T09:00", clock="wall", dst={"gap": "skip"}), ["interval"]),
        (_with("interval", {"days": 0.5}, clock="wall"), ["interval.days"]),
        (_with("interval", {"days": 1}, clock="wall", anchor=5), ["anchor"]),
        (_with("interval", {"months": 1}, clock="wal", anchor="2026-01-31T09:00", dst={"gap": "skip"}), ["clock"]),
        ({"cron": 5, "day_match": "all", "seconds": True, "dst": {}}, ["cron"]),
        ({"cron": ["0 9 * * *", 5], "dst": {"gap": "skip"}}, ["cron.1"]),
        ({"cron": "0 0 9 * * *", "seconds": "yes"}, ["seconds"]),
        ({"cron": 5, "schedule_type": "cron"}, ["cron"]),
        (_with("run_at", 5, fold=1), ["run_at"]),
        (_with("interval", 5, schedule_type="interval", cron="0 9 * * *"), ["interval"]),
        ({"cron": 5, "anchor": "2026-01-31T09:00"}, ["cron", "anchor"]),
    ],
)
def test_a_field_of_the_wrong_shape_is_there(fields: dict[str, Any], told: list[str]) -> None:
    """What belongs to it is not blamed."""
    _, complaints = declare(BASE | fields, zone=TOKYO)
    assert [complaint.field for complaint in complaints] == told


def test_reserved_header_is_only_a_warning() -> None:
    spec, (complaint,) = declare(BASE | {"headers": {"x-myscheduler-attempt": "9"}}, zone=TOKYO)
    assert spec is not None
    assert (complaint.rule, complaint.severity) == ("reserved-header", Severity.WARNING)


COMMON_UI = {
    "job_id": "日次 レポート",
    "name": "日次レポート",
    "schedule_type": "cron",
    "cron": {"hour": "10", "second": "0"},
    "target_url": "http://host/run",
    "method": "GET",
    "headers": None,
    "body": None,
    "timezone": "Asia/Tokyo",
}


def test_common_ui() -> None:
    spec, complaints = declare(COMMON_UI, zone="UTC")
    assert complaints == []
    assert spec == JobSpec(
        "日次 レポート",
        "日次レポート",
        DeclaredCron((("hour", "10"), ("second", "0"))),
        "http://host/run",
        timezone="Asia/Tokyo",
    )


def test_common_ui_without_a_url() -> None:
    _, (complaint,) = declare(COMMON_UI | {"target_url": ""}, zone="UTC")
    assert complaint.field == "target_url"


def test_defaults() -> None:
    spec = _spec()
    assert (spec.name, spec.method, spec.timeout_sec, spec.max_retries, spec.retry_backoff_sec) == (
        "a",
        "GET",
        30,
        0,
        1,
    )
    assert (spec.misfire_grace_time, spec.coalesce, spec.max_instances, spec.paused) == (3600, True, 1, None)
    assert (spec.timezone, spec.headers, spec.body, spec.labels) == (None, {}, None, {})
    assert spec == _spec(**dict.fromkeys(JobFields.model_fields.keys() - BASE.keys()))


@pytest.mark.parametrize(
    ("fields", "schedule"),
    [
        pytest.param({"cron": "@Daily"}, [("minute", "0"), ("hour", "0")], id="macro"),
        pytest.param({"cron": "30 10 * * 0"}, [("minute", "30"), ("hour", "10")], id="crontab"),
        pytest.param(
            {"cron": {"hour": 10, "minute": " 5 ", "day": None}}, [("hour", "10"), ("minute", "5")], id="object"
        ),
    ],
)
def test_cron(fields: dict[str, Any], schedule: list[tuple[str, str]]) -> None:
    declared = _spec(**fields).schedule
    assert isinstance(declared, DeclaredCron)
    assert list(declared.fields[:2]) == schedule


def test_other_schedules() -> None:
    every = _spec(**_with("interval", {"hours": 1, "minutes": 30}, anchor="2026-01-01T09:00:00")).schedule
    anchor = datetime(2026, 1, 1, tzinfo=UTC)  # 09:00 in the service's zone
    assert every == DeclaredInterval((("hours", 1), ("minutes", 30)), anchor)
    assert _spec(**_with("run_at", "2026-01-01T00:00:00Z", method="post")).method == "POST"
    assert _spec(**_with("run_at", "2026-01-01T00:00:00Z")).schedule == DeclaredDate("2026-01-01T00:00:00Z")


def test_two_spellings_of_one_schedule() -> None:
    assert digest(_spec(**_with("interval", "PT1H30M"))) == digest(_spec(**_with("interval", {"minutes": 90})))
    seconds = _spec(cron="*/10 30 2 * * *", seconds=True)
    assert digest(seconds) == digest(_spec(cron={"second": "*/10", "minute": "30", "hour": "2"}))
    assert digest(seconds) != digest(_spec(cron="30 2 * * *"))


def test_options_where_clocks_change() -> None:
    plain, skipping = _spec(cron="30 2 * * *"), _spec(cron="30 2 * * *", dst={"gap": "skip"})
    assert isinstance(skipping.schedule, DeclaredCron)
    assert (skipping.schedule.gap, skipping.schedule.overlap) == ("skip", "first")
    assert digest(_spec(cron="30 2 * * *", dst={"gap": "run", "overlap": "first"})) == digest(plain)
    assert digest(plain) != digest(skipping) != digest(_spec(cron="30 2 * * *", dst={"overlap": "both"}))
    assert from_json(to_json(skipping)) == skipping


def test_options_without_effect_are_a_warning() -> None:
    spec, complaints = declare(BASE | {"cron": "*/30 * * * *", "dst": {"overlap": "both"}}, zone=TOKYO)
    assert spec is not None
    assert [(one.field, one.severity) for one in complaints] == [("dst", Severity.WARNING)]


def test_catchup() -> None:
    assert [_spec(catchup=mode).catch_up for mode in ("none", "last", "all")] == ["none", "last", "all"]
    assert [_spec(coalesce=coalesce).catch_up for coalesce in (True, False)] == ["last", "all"]
    assert digest(_spec(catchup="last")) == digest(_spec()) == digest(_spec(coalesce=True))
    assert digest(_spec(catchup="all")) == digest(_spec(coalesce=False)) != digest(_spec(catchup="none"))
    assert from_json(to_json(_spec(catchup="none"))) == _spec(catchup="none")
    assert from_json(to_json(_spec(overlap="queue"))) == _spec(overlap="queue")


def test_fold_chooses_one_of_two_moments() -> None:
    first, second = (
        _spec(**_with("run_at", "2026-10-25T02:30", timezone="Europe/Berlin", fold=fold)) for fold in (0, 1)
    )
    assert digest(first) != digest(second)
    moments = [
        compile_schedule(one, zone=TOKYO, created_at=datetime(2026, 1, 1, tzinfo=UTC)) for one in (first, second)
    ]
    assert moments == [Once(datetime(2026, 10, 25, hour, 30, tzinfo=UTC)) for hour in (0, 1)]
    assert from_json(to_json(second)) == second


@pytest.mark.parametrize(
    ("run_at", "past"),
    [("2026-01-01T09:00:00", True), ("2026-01-01T09:00:01", False), ("2026-01-01T00:00:00Z", True)],
)
def test_is_past(run_at: str, past: bool) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert is_past(_spec(**_with("run_at", run_at)), clock=Clock(now, TOKYO)) is past
    assert not is_past(_spec(), clock=Clock(now, TOKYO))


_TEXT = st.text(st.characters(), max_size=6)  # halves of surrogate pairs too, which JSON can spell
_LEAF = st.none() | st.booleans() | st.integers() | st.floats() | _TEXT | st.sampled_from(["*", "1", "@daily", TOKYO])
_JSON = st.recursive(_LEAF, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2))
_CRON = st.dictionaries(st.sampled_from(["hour", "day", "month", "x"]), _LEAF, max_size=3)
_EVERY = st.dictionaries(st.sampled_from(["weeks", "days", "seconds"]), st.integers(-1, 10**12), max_size=2)
_FIELDS = st.fixed_dictionaries(
    {"job_id": _JSON, "target_url": _LEAF | st.just("http://x")},
    optional=dict.fromkeys(JobFields.model_fields.keys() - {"job_id", "target_url"}, _JSON | _CRON | _EVERY),
)


@given(_FIELDS | st.dictionaries(_TEXT, _JSON, max_size=3))
def test_declare_never_raises(values: dict[str, Any]) -> None:
    spec, complaints = declare(values, zone=TOKYO)
    assert (spec is None) == any(complaint.severity is Severity.ERROR for complaint in complaints)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://[::1]:80/", "http://my_service:8080/", "http://localhost./", "http://foo.123.test/",
            "http://https:8080/", "http://a-.test/",
        "http://日本.jp/", "http://１２７.0.0.1/", "http://user:${secret:a}@host/", "HTTP://HOST:1",
    ],
)  # fmt: skip
def test_hosts_that_may_be_called(url: str) -> None:
    assert _spec(target_url=url).target_url == url


def test_several_values_of_a_header() -> None:
    several = _spec(headers={"X-A": ["a", "b"], "X-B": "c"})
    assert several.headers == {"X-A": ("a", "b"), "X-B": "c"}
    assert to_json(several)["headers"] == {"X-A": ["a", "b"], "X-B": "c"}
    assert from_json(to_json(several)) == several
    assert digest(several) != digest(_spec(headers={"X-A": ["b", "a"], "X-B": "c"}))
    assert digest(_spec(headers={"X-A": ["a"]})) == digest(_spec(headers={"X-A": "a"}))
