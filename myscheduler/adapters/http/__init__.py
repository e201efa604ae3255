"""HTTP clients on aiohttp: one for the calls of jobs (`sender`), one for the service's own API (`api_client`).

Import `sender` from the app, `api_client` from commands. They import the core and the machine, no other adapter.
"""
