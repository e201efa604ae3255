"""HTTP clients: for the calls of jobs (`sender`) and the service's own API (`api_client`), on aiohttp; and for the keys of
issuers of JWTs (`jwks`), on httpx.

Import `sender` and `jwks` from the app, `api_client` from commands. They import the core and the machine, no other
adapter.
"""
