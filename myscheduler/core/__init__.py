"""What is decided, without I/O: no clock, no files, no network, no threads. Values in, values out.

Its packages are floors: each imports from those below it, as the contracts in `pyproject.toml` say. `bounds`, `caching`
and `header_values` are the ground that all stand on.
"""
