"""Errors that end the measurement of a figure."""


class BenchmarkError(Exception):
    """A figure can't be measured."""
