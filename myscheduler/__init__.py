"""MyScheduler: a declarative, GitOps-style scheduler of HTTP calls."""

from importlib.metadata import version

__version__ = version("myscheduler")
