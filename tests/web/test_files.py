"""The page and its files as HTTP has them: headers, caching, compression, and what is not there."""

import gzip
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from myscheduler.web.bundle import bundle_of, read_bundle
from myscheduler.web.routes import POLICY
from myscheduler.web.shell import Instance, shell
from tests.support.service import Service

PAGES = [
    "", "jobs", "jobs/daily-report", f"jobs/{quote('請求 1', safe='')}", "jobs/a%2Fb", "executions", "executions/x",
    "source", "forecast", "plan", "audit", "sign-in",
]  # fmt: skip
LARGEST_PAGE = 3 * 1024
HASHED = re.compile(r'="(/ui/s/[0-9a-f]{16}/[^"]+)"')
INSTANCE = Instance("MyScheduler", "", "1.2.3", "Asia/Tokyo")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with Service(tmp_path_factory.mktemp("files"), MYSCHEDULER_API_TOKEN="s3cret") as running:
        yield running


def has_the_headers(answer: httpx.Response) -> None:
    headers = answer.headers
    assert headers["content-security-policy"] == POLICY
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert (headers["referrer-policy"], headers["cross-origin-opener-policy"]) == ("same-origin", "same-origin")
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "camera=()" in headers["permissions-policy"]
    assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_the_same_shell(service: Service, path: str) -> None:
    answer, first = service.get(f"/ui/{path}?any=1&any=2"), service.get("/ui/")
    assert (answer.status_code, answer.content) == (200, first.content)
    assert (answer.headers["content-type"], answer.headers["cache-control"]) == ("text/html; charset=utf-8", "no-cache")
    assert len(answer.content) < LARGEST_PAGE
    has_the_headers(answer)
    again = service.get(f"/ui/{path}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    has_the_headers(again)


@pytest.mark.parametrize("path", ["nowhere", "jobs.html", "s/x", "api/v1/jobs", "%00"])
def test_an_unknown_page_is_the_shell_with_404(service: Service, path: str) -> None:
    answer = service.get(f"/ui/{path}")
    assert (answer.status_code, answer.content) == (404, service.get("/ui/").content)
    has_the_headers(answer)


def test_redirects(service: Service) -> None:
    for path, status in (("/", 307), ("/ui", 308)):
        answer = service.get(path)
        assert (answer.status_code, answer.headers["location"]) == (status, "/ui/")


def test_files_are_kept_for_good(service: Service) -> None:
    urls = HASHED.findall(service.get("/ui/").text)
    assert {url.rpartition("/")[2] for url in urls} >= {"app.css", "app.js", "icon.svg"}
    kinds = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
    for url in urls:
        answer = service.get(url)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == kinds[Path(url).suffix]
        has_the_headers(answer)


@pytest.mark.parametrize("path", ["s/0123456789abcdef/app.js", "s/{digest}/nowhere.js", "s/{digest}/../shell.py"])
def test_files_of_another_version_and_others_are_not_there(service: Service, path: str) -> None:
    answer = service.get(f"/ui/{path.format(digest=read_bundle().digest)}".replace("..", "%2e%2e"))
    assert (answer.status_code, answer.headers["cache-control"]) == (404, "no-store")
    has_the_headers(answer)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["/ui/", "/ui/jobs", "/ui/s/x/app.js"])
def test_nothing_can_be_sent(service: Service, method: str, path: str) -> None:
    assert service.request(method, path).status_code == 405


def test_files_are_compressed_once_for_those_who_accept_it() -> None:
    bundle = bundle_of({"a.js": b"a();\n" * 500, "b.js": b"1", "icon.svg": b"<svg/>"})
    packed = bundle.assets["a.js"].packed
    assert packed is not None
    assert gzip.decompress(packed) == bundle.assets["a.js"].content
    assert bundle.assets["b.js"].packed is None


def test_the_hash_is_of_names_and_bytes() -> None:
    files = ({"a.js": b"1"}, {"a.js": b"2"}, {"b.js": b"1"}, {"a.js": b"1", "b.js": b""}, {"a.j": b"", "s1.js": b""})
    assert (
        len({bundle_of({name: content for name, content in one.items() if name != "a.j"}).digest for one in files}) == 5
    )
    assert bundle_of({"a.js": b"1", "b.js": b"2"}).digest == bundle_of({"b.js": b"2", "a.js": b"1"}).digest


def test_modules_that_are_needed_at_first_are_named() -> None:
    bundle = bundle_of(
        {
            "app.js": b'import { a } from "./core/a.js";\nimport {\n  b,\n} from "./b.js";\n'
            b'/** @type {import("./types.js").T} */\nconst later = () => import("./pages/later.js");\n',
            "b.js": b'export const text = {\n  "a.b": "./c.js",\n};\n',
            "c.js": b"",
            "core/a.js": b'export { d } from "../d.js";\nimport "./side.js";\n',
            "core/side.js": b"",
            "d.js": b'import { a } from "./core/a.js";\n',
            "pages/later.js": b"",
            "types.js": b"",
        }
    )
    assert bundle.needed_at_first() == ["core/a.js", "b.js", "d.js", "core/side.js"]
    page = shell(bundle, INSTANCE).decode()
    assert page.count("modulepreload") == 4
    assert page.index("modulepreload") < page.index("<script")


def test_what_the_page_says_of_its_instance_is_escaped() -> None:
    page = shell(bundle_of({}), Instance('本番 "<b>&', "#c62828", "1.2.3", "Asia/Tokyo", "/team/jobs")).decode()
    assert (
        'data-name="本番 &quot;&lt;b&gt;&amp;" data-color="#c62828" data-version="1.2.3" data-zone="Asia/Tokyo"' in page
    )
    assert '<html lang="en" data-root="/team/jobs"' in page
    assert '<script type="module" src="/team/jobs/ui/s/' in page
    assert "<b>" not in page
