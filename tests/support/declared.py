"""Field sets as people write them, with the specs that they declare, for laws about both."""

from typing import Any

from hypothesis import strategies as st

from myscheduler.core.findings.problem import Severity
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.manifest.calendars_file import NamedCalendars
from myscheduler.core.manifest.declaration import declare
from myscheduler.core.schedule.calendars import Calendar
from tests.support.target import AUTHORITY

ZONE = "Asia/Tokyo"
OFFICE = NamedCalendars({"office": Calendar("JP", None, ("12-29/01-03",))})

_SHORT = st.text(max_size=3)
_TRICKY = st.sampled_from(
    [
        *(
            "no",
            "On",
            "~",
            "null",
            "0123",
            "08",
            "0o17",
            "1:30",
            "1e5",
            "1_000",
            ".inf",
            "2026-01-01",
            "<<",
            "=",
            "*/5",
        ),
        *(
            "2026-01-01T00:00:00Z",
            "- a",
            "a: b",
            "a #b",
            "# a",
            " a ",
            "a\nb",
            "a\n\n  b\n",
            "  a\n b",
            "\n",
            "\ta",
            "a\r\nb",
        ),
        *(
            "\x85",
            "\u2028",
            "\ufeff",
            "日本",
            "🦉",
            "\0",
            "%",
            "@a",
            "`",
            "'",
            '"',
            "{",
            "[a]",
            "!!str a",
            "&a",
            "---",
            "...",
        ),
        *(
            "--- a",
            "a\n--- b",
            "? a",
            "|",
            ">",
            "a\n",
            "a\n\n",
            "a \nb",
            "-",
            "true",
            "x" * 200,
            "$${a}",
            "${secret:a-b}",
        ),
    ]
)
TEXTS = _TRICKY | _SHORT
BODIES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
_CRONS = st.sampled_from(
    [
        *("@daily", "@Hourly ", "5 4 * * sun", "*/7 0-5 1,15 * 1#1", "30 02 L * *"),
        *({"hour": 3}, {"day": "L", "hour": None}, {"hour": "10", "second": 0}, {"year": "2027-2030", "minute": "*"}),
        {"minute": 0, "hour": "*", "day": "1", "month": "*", "day_of_week": "1-5", "second": "0", "week": "*"},
        *(["0 9 * * *"], ["0 9 * * 1-5", {"hour": 12, "day": None}], ["0 9 * * *", "00 09 * * 0-6", "@daily"]),
    ]
)
_RUN_AT = ["2027-01-01t09:00z", " 2027-01-01T09:00:00.123456789+09:00", "2027-01-01T09:00"]
_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "name": TEXTS,
    "schedule_type": st.sampled_from(["cron", "interval", "date"]),
    "cron": _CRONS,
    "seconds": st.booleans(),
    "day_match": st.sampled_from(["any", "all"]),
    "dst": st.sampled_from([{}, {"gap": "skip"}, {"overlap": None}, {"gap": "skip", "overlap": "both"}]),
    "interval": st.sampled_from(
        ["PT1H", " p2w ", "PT3100000000S", "P36520D", {"days": 1}, {"hours": None, "minutes": 3}]
    ),
    "anchor": st.sampled_from(["2026-01-01T00:00:00Z", "2026-01-01 09:00", "2026-01-01 09:00:00.25"]),
    "clock": st.just("real"),
    "run_at": st.sampled_from([*_RUN_AT, "2026-10-25T02:30"]),
    "fold": st.sampled_from([0, 1]),
    "timezone": st.sampled_from(["Asia/Tokyo", "UTC", "Europe/Berlin"]),
    "start_at": st.sampled_from(["2026-01-01T00:00", "2026-05-05T00:00:00.5+09:00"]),
    "end_at": st.sampled_from(["2028-01-01T00:00", "2040-05-05T00:00:00+09:00"]),
    "blackout": st.lists(
        st.sampled_from(
            [
                {"from": "2027-01-01T00:00", "to": "2027-01-02T00:00"},
                {"cron": "0 2 * * *", "duration": "PT2H"},
                {"cron": {"hour": 2, "day": "1"}, "duration": {"hours": 1, "minutes": 0}},
                {"cron": {"month": "8", "day": 13, "minute": 0, "hour": 0, "day_of_week": "*"}, "duration": "P3D"},
            ]
        ),
        max_size=2,
    ),
    "calendar": st.sampled_from(
        [
            {"only": "business_days"},
            {"country": "JP", "skip": "holidays", "shift": None},
            {"name": "office", "only": "business_days", "shift": "next"},
            {"country": "US", "subdivision": "CA", "closed": ["12-29/01-03"], "open": ["05-02"], "skip": "holidays"},
        ]
    ),
    "jitter_sec": st.integers(0, 600),
    "method": st.sampled_from(["GET", "post", "Put"]),
    "headers": st.dictionaries(
        st.sampled_from(["X-A", "x-b"]), TEXTS | st.lists(TEXTS, min_size=1, max_size=3), max_size=2
    )
    | st.fixed_dictionaries({"Content-Type": TEXTS}),
    "body": BODIES,
    "timeout_sec": st.integers(1, 86_400) | st.floats(0.001, 100),
    "max_retries": st.integers(0, 100),
    "retry": st.sampled_from(
        [
            {},
            {"statuses": [404, "500-599"], "on": ["status", "connect"], "jitter": "full"},
            {"max_delay_sec": 60, "max_total_sec": 600.5},
        ]
    ),
    "retry_backoff_sec": st.integers(0, 10) | st.floats(0, 100),
    "misfire_grace_time": st.integers(1, 100_000),
    "max_instances": st.integers(1, 3),
    "coalesce": st.booleans(),
    "catchup": st.sampled_from(["none", "last", "all"]),
    "overlap": st.sampled_from(["skip", "queue", "replace", "allow"]),
    "on_interrupt": st.sampled_from(["record", "retry"]),
    "expect": st.sampled_from(
        [
            {"status": [304, "200-204"]},
            {"json": {"/ok": True, "": {"exists": True}, "/a~1b": {"equals": {"gt": 1}}, "/n": {"gt": 0, "lte": 9.5}}},
            {"body_contains": "終了"},
            {"body_contains": ["a", "b"], "max_duration_ms": 2000, "json": {"/items": {"length": {"gte": 1}}}},
            {"json": {"/items": {"length": 3}, "/x": {"equals": "y"}}},
        ]
    ),
    "after": st.sampled_from(
        [
            [{"job": "x"}],
            [{"job": "日報", "on": "always"}, {"job": "y", "on": "failure"}, {"job": "z", "on": "success"}],
        ]
    ),
    "join": st.sampled_from(["all", "any"]),
    "when": st.sampled_from([{"job": "x", "json": {"/rows": {"gt": 0}}}, {"job": "日報", "json": {"/a": "b"}}]),
    "if_skipped": st.sampled_from(["skip", "run"]),
    "requires": st.sampled_from([[{"job": "x", "within": "PT12H"}], [{"job": "y", "within": "P1D"}]]),
    "extract": st.sampled_from([{"rows": "/rows"}, {"a": "", "b_2": "/x/0/y~1z"}]),
    "chain_timeout_sec": st.integers(1, 100_000),
    "query": st.sampled_from([{"a": 1}, {"日": ["x", True, 1.5]}, {"q": ""}]),
    "auth": st.sampled_from(
        [
            {"basic": {"username": "u", "password": "${secret:p}"}},
            {"bearer": {"token": "${secret:t}"}},
            {"oauth2": {"token_url": "http://t/", "client_id": "c", "client_secret": "${secret:s}", "scope": "a b"}},
            {
                "oauth2": {
                    "token_url": "http://t/",
                    "client_id": "c",
                    "client_secret": "x",
                    "token_endpoint_auth_method": "client_secret_post",
                }
            },
            {"gcp_id_token": {"audience": "https://a/"}},
            {"gcp_access_token": {"scopes": ["a", "b"], "key": "${secret:k}"}},
            {"gcp_access_token": {}},
            {"kubernetes": {"audience": "a"}},
            {"aws_sigv4": {"service": "s", "region": "r", "access_key_id": "i", "secret_access_key": "${secret:k}"}},
        ]
    ),
    "sign": st.sampled_from([{"standard_webhooks": ["${secret:a}", "${secret:b}"]}]),
    "connect_timeout_sec": st.sampled_from([0.5, 1]),
    "follow_redirects": st.sampled_from([True, False, 1, 20]),
    "proxy": st.sampled_from(["http://egress.example.com:8080", "http://me:${secret:pw}@[::1]:80/", "environment"]),
    "tls": st.sampled_from(
        [{}, {"ca": "${secret:ca}", "verify": True}, {"certificate": AUTHORITY, "key": "${secret:key}"}]
    ),
    "keep_response": st.booleans(),
    "slo": st.sampled_from(
        [
            {"success": 99.5},
            {"success": 50, "late_sec": 0, "window": "P1D"},
            {"success": 99.99, "late_sec": None, "window": " pt36h "},
        ]
    ),
    "paused": st.booleans(),
    "protect": st.booleans(),
    "adopt": st.booleans(),
    "labels": st.dictionaries(TEXTS, TEXTS, max_size=2),
    "notify": st.sampled_from(
        [
            False,
            {"channels": ["ops", "mail"], "after_failures": 3},
            {"failures": 3, "of": 10, "late_after": "PT90S", "remind": "P1D"},
            {"late_after": False, "remind": False, "channels": None},
            {"channels": ["ops"], "late_after": "PT1H30M"},
        ]
    ),
}
_WALL = st.sampled_from(["P1M", "p1y6m", "P1Y0M3D", "P36000D", {"months": 1}, {"years": 1, "weeks": 2, "hours": 0}])
"""With `clock: wall`."""
_URLS = st.sampled_from(["http://x", "HTTPS://x?y=#z", "https://[::1]:80/x", "http://日本.test/道"])


@st.composite
def _declared(draw: st.DrawFn) -> tuple[dict[str, Any], JobSpec]:
    """A schedule and a few other fields, without those that are complained about."""
    kind = draw(st.sampled_from(["cron", "interval", "run_at", "after"]))
    values = {"job_id": draw(TEXTS), "target_url": draw(_URLS), kind: draw(_FIELDS[kind])}
    others = _FIELDS.keys() - {"cron", "interval", "run_at", "after"}
    if kind == "interval" and draw(st.booleans()):
        values |= {"interval": draw(_WALL), "anchor": "2026-01-31T09:00", "clock": "wall"}
        others -= values.keys()
    for name in draw(st.lists(st.sampled_from(sorted(others)), max_size=6)):
        values[name] = draw(st.none() | _FIELDS[name] | _FIELDS[name])
    for _ in range(10):
        spec, complaints = declare(values, zone=ZONE, calendars=OFFICE)
        if spec is not None and values["job_id"]:
            return values, spec
        wrong = {"schedule_type", *(one.loc[0] for one in complaints if one.loc and one.severity is Severity.ERROR)}
        values = {name: value for name, value in values.items() if name not in wrong}
        values = {"job_id": "a", "target_url": "http://x"} | values
        if not {"cron", "interval", "run_at", "after"} & values.keys():
            values = {**values, "cron": "0 0 * * *", "seconds": None}
    raise AssertionError(values)


DECLARED = _declared()
