"""The dashboard, `/ui/`: the page that loads the modules in `static/`, those files, and the headers of both.

The app imports `add_dashboard`. May import the API, whose door checks these requests too; all data comes from the API.
"""

from fastapi import FastAPI

from myscheduler.web.bundle import read_bundle
from myscheduler.web.routes import dashboard_router
from myscheduler.web.shell import Instance


def add_dashboard(api: FastAPI, instance: Instance) -> None:
    """Add the routes of the dashboard to the application of the API. Raises `OSError` if a file can't be read."""
    api.include_router(dashboard_router(read_bundle(), instance))
