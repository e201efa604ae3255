"""The manifest directory: everything in it at one moment, and a wake-up when it may have changed."""

from myscheduler.adapters.source.reading import DirectorySource

__all__ = ["DirectorySource"]
