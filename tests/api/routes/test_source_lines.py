"""`/api/v1/sync/lines`: lines of the files that the last pass read, and of no others."""

import httpx
import pytest

from tests.support.api import assert_problem, ok
from tests.support.parts import Parts

pytestmark = pytest.mark.anyio

LINES = "/api/v1/sync/lines"
JOB = "job_id: a\ntarget_url: https://example.com\ninterval: {hours: 1}\nheaders: {Authorization: Bearer 7fQ2mLx9}\n"


async def test_lines_around_a_problem(api: httpx.AsyncClient, parts: Parts) -> None:
    parts.manifest("日本/a.yaml", JOB.replace("interval", "intervall"))
    state = await ok(api, "POST", "/api/v1/sync")
    problem = next(one for one in state["problems"] if one["rule"] == "unknown-key")
    found = await ok(
        api, "GET", LINES, params={"path": problem["path"], "line": problem["line"], "before": 1, "after": 0}
    )
    assert found == {
        "path": "日本/a.yaml",
        "revision": state["last_attempted_revision"],
        "first_line": 2,
        "line_count": 4,
        "lines": ["target_url: https://example.com", "intervall: {hours: 1}"],
    }
    whole = await ok(api, "GET", f"{LINES}/", params={"path": "日本/a.yaml", "line": 2})
    assert (whole["first_line"], len(whole["lines"])) == (1, 4)


@pytest.mark.parametrize("name", ["calendars.yaml", "policy.yaml", "access.yaml", ".myschedulerignore"])
async def test_the_files_with_names_of_their_own(api: httpx.AsyncClient, parts: Parts, name: str) -> None:
    parts.manifest(name, "# first\n# second\n")
    await ok(api, "POST", "/api/v1/sync")
    assert (await ok(api, "GET", f"{LINES}?path={name}&line=1"))["lines"] == ["# first", "# second"]


@pytest.mark.parametrize(
    "path",
    [
        "b.yaml", "./a.yaml", "x/../a.yaml", "/etc/passwd", "../secret.yaml", "..", "", "a.yaml/", "A.YAML",
        "notes.txt", "left-out.yaml", "a.yaml\x00", "%2e%2e/secret.yaml",
    ],
)  # fmt: skip
async def test_no_other_file_is_read(api: httpx.AsyncClient, parts: Parts, path: str) -> None:
    parts.manifest("a.yaml", JOB)
    parts.manifest(".myschedulerignore", "left-out.yaml\n")
    for name in ("../secret.yaml", "notes.txt", "left-out.yaml"):
        parts.manifest(name, "secret: 1\n")
    await ok(api, "POST", "/api/v1/sync")
    assert_problem(await api.get(LINES, params={"path": path, "line": 1}), 404)


async def test_lines_are_those_that_were_judged(api: httpx.AsyncClient, parts: Parts) -> None:
    """A file that has been changed or removed since is shown as the pass read it, until the next one."""
    assert_problem(await api.get(f"{LINES}?path=a.yaml&line=1"), 409)
    file = parts.manifest("a.yaml", JOB)
    await ok(api, "POST", "/api/v1/sync")
    file.write_text("other: 1\n", encoding="utf-8")
    assert (await ok(api, "GET", f"{LINES}?path=a.yaml&line=1&before=0&after=0"))["lines"] == ["job_id: a"]
    await ok(api, "POST", "/api/v1/sync")
    gone = assert_problem(await api.get(f"{LINES}?path=a.yaml&line=4"), 409)
    assert gone["detail"] == "a.yaml has 1 lines, so there is no line 4: it has been changed"
    assert (await ok(api, "GET", f"{LINES}?path=a.yaml&line=2&before=1"))["lines"] == ["other: 1"]
    file.unlink()
    await ok(api, "POST", "/api/v1/sync")
    assert_problem(await api.get(f"{LINES}?path=a.yaml&line=1"), 404)


async def test_one_that_cannot_be_read(api: httpx.AsyncClient, parts: Parts) -> None:
    parts.manifest("b.yaml", JOB)
    (parts.jobs_dir / "a.yaml").symlink_to("nowhere")
    await ok(api, "POST", "/api/v1/sync")
    problem = assert_problem(await api.get(f"{LINES}?path=a.yaml&line=1"), 409)
    assert problem["detail"] == "a.yaml can't be read: is a dangling symlink"


async def test_the_source_that_is_away_is_shown_as_it_was(api: httpx.AsyncClient, parts: Parts) -> None:
    parts.manifest("a.yaml", JOB)
    await ok(api, "POST", "/api/v1/sync")
    parts.jobs_dir.rename(parts.folder / "away")
    assert (await ok(api, "POST", "/api/v1/sync"))["reason"] == "SourceUnavailable"
    assert (await ok(api, "GET", f"{LINES}?path=a.yaml&line=1"))["lines"][0] == "job_id: a"


@pytest.mark.parametrize(
    "query", ["path=a.yaml", "line=1", "path=a.yaml&line=0", "path=a.yaml&line=1&before=101",
              "path=a.yaml&line=1&after=-1", "path=a.yaml&line=1e9", f"path={'a' * 4097}&line=1",
              f"path=a.yaml&line={10**30}"],
)  # fmt: skip
async def test_what_is_asked_for_has_bounds(api: httpx.AsyncClient, query: str) -> None:
    assert_problem(await api.get(f"{LINES}?{query}"), 422)


async def test_the_answer_has_a_bound(api: httpx.AsyncClient, parts: Parts) -> None:
    parts.manifest("a.yaml", ("# " + "名" * 100_000 + "\n") * 20 + "# \n" * 1_000)
    await ok(api, "POST", "/api/v1/sync")
    answer = await api.get(f"{LINES}?path=a.yaml&line=20&before=100&after=100")
    assert len(answer.json()["lines"]) == 120
    assert len(answer.content) < 40_000
