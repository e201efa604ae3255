"""Answers of the API that were recorded, with their time, so that a page looks the same whenever it is opened.

    page = pages.open("/ui/", recording="now")

plays `tests/web/golden/now.json`. With `GOLDEN=write`, what that file lacks is asked from the service and added; delete
the file to record all of it anew, in one process of pytest.
"""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page, Route

from tests.support.checkout import ROOT

FOLDER = ROOT / "tests/web/golden"
HOST = "jobs.example.com"
"""Stands in a recording for the targets, whose ports are others each time."""
_NOTHING = {"jobs": [], "executions": [], "source": False, "reset": False}
"""Changes since any time: time stands still."""
_TARGET = re.compile(r"127\.0\.0\.1:\d+")


class Recording:
    """The answers of one file, by method, path and query."""

    def __init__(self, name: str, folder: Path = FOLDER) -> None:
        self._path = folder / f"{name}.json"
        self._may_add = os.environ.get("GOLDEN") == "write"
        assert self._may_add or self._path.exists(), f"{self._path} is missing: GOLDEN=write makes it"
        self._content: dict[str, Any] = (
            json.loads(self._path.read_text("utf-8"))
            if self._path.exists()
            else {"at": datetime.now(UTC).isoformat(timespec="seconds"), "answers": {}}
        )

    def play(self, page: Page, complaints: list[str]) -> None:
        """Answer the requests of a page; the clock of its scripts stands still, while timers run.

        Nothing changes. A request that was not recorded gets 404, and a complaint.
        """
        page.clock.set_fixed_time(datetime.fromisoformat(self._content["at"]))
        page.route(lambda url: "/api/v1/" in url, lambda route: self._answer(route, complaints))

    def _answer(self, route: Route, complaints: list[str]) -> None:
        url = urlsplit(route.request.url)
        if url.path.endswith("/changes"):
            return route.fulfill(json={"seq": url.query.removeprefix("since="), **_NOTHING})
        key = f"{route.request.method} {url.path}{f'?{url.query}' if url.query else ''}"
        if key not in self._content["answers"] and self._may_add:
            self._add(key, route)
        found = self._content["answers"].get(key)
        if found is None:
            complaints.append(f"a request that was not recorded: {key}")
            return route.fulfill(status=404, body="")
        body = json.dumps(found["body"], ensure_ascii=False)
        return route.fulfill(status=found["status"], content_type=found["type"], body=body, headers=found["headers"])

    def _add(self, key: str, route: Route) -> None:
        headers = {name: value for name, value in route.request.headers.items() if name != "if-none-match"}
        answer = route.fetch(headers=headers)
        kept = {name: value for name, value in answer.headers.items() if name in {"etag", "link"}}
        self._content["answers"][key] = {
            "status": answer.status,
            "type": answer.headers["content-type"],
            "headers": kept,
            "body": json.loads(_TARGET.sub(HOST, answer.text())),
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self._content, ensure_ascii=False, indent=1)
        self._path.write_text(f"{text}\n", encoding="utf-8")
