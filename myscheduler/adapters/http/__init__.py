"""HTTP clients: on aiohttp for the calls of jobs (`sender`), on httpx for the service's own API (`api_client`) and for
the keys of issuers of JWTs (`jwks`).

Import `sender` and `jwks` from the app, `api_client` from commands. They import the core and the machine, no other
adapter.
"""
