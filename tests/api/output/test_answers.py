"""Answers that are sent compressed, or not at all because the caller has them."""

import gzip
import itertools
import zlib
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myscheduler.api.output import packing
from myscheduler.api.output.packing import Packer, accepts_gzip
from tests.support.api import JOBS, assert_problem, body, create, ok

pytestmark = pytest.mark.anyio
GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True), ("gzip, deflate, br", True), ("br;q=1.0, GZIP;q=0.5", True), ("deflate,gzip ; q=1", True),
        ("", False), ("identity", False), ("gzip;q=0", False), ("br, gzip;q=0.000", False), ("notgzip", False),
        ("gzip2", False), ("*", False),
    ],
)  # fmt: skip
def test_whether_gzip_is_accepted(header: str, accepted: bool) -> None:
    assert accepts_gzip(header) is accepted


class TestPacker:
    async def packed(self, packer: Packer, parts: list[list[bytes]]) -> bytes:
        return b"".join([part async for part in packer.packed(parts)])

    @given(st.lists(st.lists(st.binary(max_size=50), max_size=5), max_size=5))
    async def test_it_unpacks_to_the_parts(self, parts: list[list[bytes]]) -> None:
        packer, whole = Packer(), b"".join(itertools.chain(*parts))
        for _ in range(2):  # the second time from the cache
            content = await self.packed(packer, parts)
            assert gzip.decompress(content) == whole
            assert zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content) == whole

    async def test_the_length_is_random(self) -> None:
        lengths = {len(await self.packed(Packer(), [[b"x"]])) for _ in range(50)}
        assert len(lengths) > 10

    async def test_the_cache_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(packing, "KEPT_BYTES", 1_000)
        packer = Packer()
        for number in range(500):
            await self.packed(packer, [[b"%d" % number * 20]])
        assert packer._size <= 1_000
        assert packer._size == sum(map(len, packer._kept.values()))


class TestList:
    @pytest.fixture(autouse=True)
    async def jobs(self, api: httpx.AsyncClient) -> None:
        for number in range(20):
            await create(api, job_id=f"job-{number}", name="請求")

    @pytest.mark.parametrize("parameters", [{}, {"limit": 15}])
    async def test_a_compressed_list_is_the_same(self, api: httpx.AsyncClient, parameters: dict[str, Any]) -> None:
        plain = await api.get(JOBS, headers=PLAIN, params=parameters)
        packed = await api.get(JOBS, headers=GZIP, params=parameters)
        assert (packed.headers["content-encoding"], "content-encoding" in plain.headers) == ("gzip", False)
        assert packed.json() == plain.json()
        assert (plain.headers["vary"], packed.headers["vary"]) == ("Accept-Encoding", "Accept-Encoding")
        assert plain.headers["etag"] == packed.headers["etag"]
        assert int(plain.headers["content-length"]) == len(plain.content)

    async def test_a_short_list_is_not_compressed(self, api: httpx.AsyncClient) -> None:
        assert "content-encoding" not in (await api.get(JOBS, headers=GZIP, params={"limit": 1})).headers

    async def test_a_job_is_never_compressed(self, api: httpx.AsyncClient) -> None:
        await create(api, job_id="long", headers={"Authorization": "Bearer XXX"}, body={"text": "x" * 10_000})
        response = await api.get(f"{JOBS}/long", headers=GZIP)
        assert "content-encoding" not in response.headers
        assert len(response.content) > packing.LEAST

    @pytest.mark.parametrize("parameters", [{}, {"limit": 15}, {"q": "請求", "compact": "true"}])
    async def test_what_the_caller_has_is_not_sent(self, api: httpx.AsyncClient, parameters: dict[str, Any]) -> None:
        tag = (await api.get(JOBS, params=parameters)).headers["etag"]
        assert tag.startswith('W/"')
        for known in (tag, f'"x", {tag}', tag.removeprefix("W/"), "*"):
            same = await api.get(JOBS, params=parameters, headers={"If-None-Match": known})
            assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        await ok(api, "POST", f"{JOBS}/job-0/pause")
        changed = await api.get(JOBS, params=parameters, headers={"If-None-Match": tag})
        assert changed.status_code == 200
        assert changed.headers["etag"] != tag
        for other in ('"x"', "x", "", 'W/"', '"x" "y"'):
            assert (await api.get(JOBS, params=parameters, headers={"If-None-Match": other})).status_code == 200


class TestJob:
    async def tag(self, api: httpx.AsyncClient) -> str:
        return (await api.get(f"{JOBS}/a")).headers["etag"]

    async def test_what_the_caller_has_is_not_sent(self, api: httpx.AsyncClient) -> None:
        await create(api)
        tag = await self.tag(api)
        same = await api.get(f"{JOBS}/a", headers={"If-None-Match": tag})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
        await ok(api, "POST", f"{JOBS}/a/trigger")
        assert (await api.get(f"{JOBS}/a", headers={"If-None-Match": tag})).status_code == 200

    async def test_a_change_of_what_was_not_seen_is_refused(self, api: httpx.AsyncClient) -> None:
        await create(api)
        old = await self.tag(api)
        await ok(api, "PUT", f"{JOBS}/a", json=body(name="by another"))
        for method, content in (("PUT", body(name="mine")), ("DELETE", None)):
            for tag in (old, f"W/{await self.tag(api)}", '"x"', f'"{"9" * 30}.0"'):
                refused = await api.request(method, f"{JOBS}/a", headers={"If-Match": tag}, json=content)
                problem = assert_problem(refused, 412)
                assert "has changed" in problem["detail"]
        assert (await ok(api, "GET", f"{JOBS}/a"))["name"] == "by another"

    async def test_a_change_of_what_was_seen_is_made(self, api: httpx.AsyncClient) -> None:
        await create(api)
        tag = await self.tag(api)
        await ok(api, "POST", f"{JOBS}/a/trigger")  # an execution is no change of the job
        await ok(api, "PUT", f"{JOBS}/a", json=body(name="mine"), headers={"If-Match": f'"x", {tag}'})
        assert (await ok(api, "GET", f"{JOBS}/a"))["name"] == "mine"
        await ok(api, "PUT", f"{JOBS}/a", json=body(name="any"), headers={"If-Match": "*"})
        await ok(api, "DELETE", f"{JOBS}/a", headers={"If-Match": await self.tag(api)})

    async def test_what_would_fail_anyway_is_answered_so(self, api: httpx.AsyncClient) -> None:
        """RFC 9110, 13.2.1: conditions only count where the request would succeed without them."""
        assert_problem(await api.delete(f"{JOBS}/a", headers={"If-Match": '"x"'}), 404)
        await create(api)
        assert_problem(await api.delete(f"{JOBS}/a", headers={"If-Match": "1790"}), 422)

    @pytest.mark.parametrize("written", ["", " ", ","])
    async def test_an_empty_condition_is_not_none(self, api: httpx.AsyncClient, written: str) -> None:
        await create(api)
        assert_problem(await api.delete(f"{JOBS}/a", headers={"If-Match": written}), 422)
