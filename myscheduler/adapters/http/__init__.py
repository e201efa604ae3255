"""HTTP clients: on aiohttp for the calls of jobs (`sender`) and the service's own API (`api_client`), on httpx for the
keys of issuers of JWTs (`jwks`).

Import `sender` and `jwks` from the app, `api_client` from commands. They import the core and the machine, no other
adapter.
"""
