"""The manifest directory: reading everything in it as of one moment, and a wake-up when it may have changed."""

from myscheduler.adapters.source.reading import DirectorySource

__all__ = ["DirectorySource"]
