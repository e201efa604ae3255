"""What ends a figure early."""


class BenchmarkError(Exception):
    """A figure can't be measured."""
