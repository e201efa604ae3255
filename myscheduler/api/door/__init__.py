"""The checks of each request before a route sees it: connections, hosts and origins, tokens, sizes, methods.

Imported by `create_api` and the app. May import `core.access` and errors, but no route.
"""
