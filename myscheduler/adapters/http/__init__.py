"""HTTP clients: `sender`, on aiohttp, for the calls of jobs; `api_client`, on httpx, for the service's own API.

Import `sender` from the app, `api_client` from commands. They import the core and the machine, no other adapter.
"""
