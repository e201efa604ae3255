"""The routes of the dashboard. They need no credentials, because what they answer is the same for everybody.

The parameters of a query are the state of the page, so that these routes take any.
"""

import hashlib

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from myscheduler.api.output.packing import accepts_gzip
from myscheduler.web.bundle import Asset, Bundle
from myscheduler.web.shell import Instance, shell

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""Trusted Types: no text becomes markup or script, wherever it comes from; there is no policy that could allow it."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
"""The door adds those that every answer has."""
PAGES = (
    "/", "/jobs", "/jobs/{job_id:path}", "/executions", "/executions/{execution_id:path}", "/chains/{chain_id:path}",
    "/incidents", "/incidents/{incident_id:path}", "/source", "/forecast", "/plan", "/audit", "/sign-in",
)  # fmt: skip
"""Below `/ui`. Ids may contain any character, which URLs have percent-encoded."""
_FOR_GOOD = "public, max-age=31536000, immutable"


def dashboard_router(bundle: Bundle, instance: Instance) -> APIRouter:
    """`/ui/`, its files, and the redirect to it."""
    router = APIRouter(include_in_schema=False)
    page = shell(bundle, instance)
    tag = f'"{hashlib.sha256(page).hexdigest()[:16]}"'

    def shown(request: Request, status: int = 200) -> Response:
        headers = {**HEADERS, "Cache-Control": "no-cache", "ETag": tag}
        if status == 200 and tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(page, status, headers, media_type="text/html")

    @router.get("/ui")
    async def without_slash() -> RedirectResponse:
        return RedirectResponse(f"{instance.root_path}/ui/", 308, headers=HEADERS)

    @router.get("/ui/s/{digest}/{path:path}")
    async def file(digest: str, path: str, request: Request) -> Response:
        asset = bundle.assets.get(path) if digest == bundle.digest else None
        if asset is None:
            return Response("there is no such file\n", 404, {**HEADERS, "Cache-Control": "no-store"}, "text/plain")
        return _file(asset, request)

    async def known(request: Request) -> Response:
        return shown(request)

    for path in PAGES:
        router.add_api_route(f"/ui{path}", known, methods=["GET"])

    async def unknown(request: Request) -> Response:
        """The page says that there is no such page, and shows the way back."""
        return shown(request, 404)

    router.add_api_route("/ui/{other:path}", unknown, methods=["GET"])
    return router


def _file(asset: Asset, request: Request) -> Response:
    headers = {**HEADERS, "Cache-Control": _FOR_GOOD, "Content-Type": asset.media_type}
    if asset.packed is None:
        return Response(asset.content, headers=headers)
    headers["Vary"] = "Accept-Encoding"
    if not accepts_gzip(request.headers.get("accept-encoding", "")):
        return Response(asset.content, headers=headers)
    return Response(asset.packed, headers={**headers, "Content-Encoding": "gzip"})
