"""The path below which a proxy serves the service (`MYSCHEDULER_ROOT_PATH`).

Some proxies remove it from the path of requests, others pass it on: both are understood, and so are requests that come
without the proxy, such as probes. What the service writes itself (links, redirects, the path of the cookie) has it.
"""

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send


class WithoutPrefix:
    """ASGI middleware that removes the prefix where it is there."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self._app = app
        self._prefix = f"{root_path}/"
        self._cut = len(root_path)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if path.startswith(self._prefix):
            scope = {**scope, "path": path[self._cut :]}
            raw = scope.get("raw_path")
            if isinstance(raw, bytes) and raw.startswith(self._prefix.encode()):
                scope["raw_path"] = raw[self._cut :]
        elif f"{path}/" == self._prefix:
            scope = {**scope, "path": "/", "raw_path": b"/"}
        await self._app(scope, receive, send)


def root_of(request: Request) -> str:
    """What URLs that browsers are given begin with; empty if there is no such path."""
    return str(request.app.state.root_path)
