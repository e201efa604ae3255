"""`/docs`: the API page (Swagger UI), its files, and the redirect from `/` to the dashboard.

All files are served from here: Swagger UI is in a package that `requirements.txt` pins. The page loads nothing from
other hosts and has no inline script, so its Content-Security-Policy can forbid both.
"""

import asyncio
from importlib.resources import files
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>MyScheduler: API</title>
<link rel="icon" href="{root}/favicon.ico">
<link rel="stylesheet" href="{root}/docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="{root}/docs/swagger-ui-bundle.js"></script>
<script src="{root}/docs/start.js"></script>
</body>
</html>
"""
START = """\
SwaggerUIBundle({{
  url: "{root}/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  layout: "BaseLayout",
  presets: [SwaggerUIBundle.presets.apis],
  validatorUrl: null, // else the API would be sent to an external validator
}});
"""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_FRESH = {"Cache-Control": "no-cache"}
"""The browser keeps the file, but revalidates it each time; the answer is mostly 304."""


def pages_router(root_path: str = "") -> APIRouter:
    """`root_path` is what URLs begin with."""
    page, script_text = PAGE.format(root=root_path), START.format(root=root_path)
    router = APIRouter(include_in_schema=False)
    folder = files("fastapi_swagger").joinpath("resources")
    assets = StaticFiles(directory=Path(str(folder)))

    async def asset(name: str, request: Request) -> Response:
        response = await assets.get_response(name, request.scope)
        response.headers.update(_FRESH)
        return response

    @router.get("/")
    async def root() -> RedirectResponse:
        return RedirectResponse(f"{root_path}/ui/")

    @router.get("/docs")
    @router.get("/docs/")
    async def docs() -> HTMLResponse:
        return HTMLResponse(page, headers={"Content-Security-Policy": POLICY})

    @router.get("/docs/start.js")
    async def start() -> Response:
        return Response(script_text, media_type="text/javascript", headers=_FRESH)

    @router.get("/docs/swagger-ui.css")
    async def style(request: Request) -> Response:
        return await asset("swagger-ui.css", request)

    @router.get("/docs/swagger-ui-bundle.js")
    async def script(request: Request) -> Response:
        return await asset("swagger-ui-bundle.js", request)

    @router.get("/favicon.ico")
    async def icon(request: Request) -> Response:
        return await asset("favicon-32x32.png", request)

    @router.get("/openapi.json")
    async def openapi(request: Request) -> JSONResponse:
        return JSONResponse(await asyncio.to_thread(request.app.openapi))  # the first time takes long

    return router
