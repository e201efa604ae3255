"""HTTP as a client: the calls of jobs (`sender`, aiohttp) and the service's own API (`api_client`).

Import the senders from the app, the client from commands. It knows the core and the machine, no other adapter.
"""
