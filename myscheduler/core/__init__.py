"""The decisions of the scheduler, without I/O: no clock, no files, no network, no threads. Values in, values out.

Its packages are layers: each imports only from those below it, as the import contracts in `pyproject.toml` say.
`bounds`, `caching` and `header_values` are the lowest layer, which every package may import.
"""
