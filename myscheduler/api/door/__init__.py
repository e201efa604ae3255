"""What each request passes before a route sees it: connections, hosts and origins, tokens, sizes, methods.

Import from `create_api` and the app. It knows `core.access` and errors, and no route.
"""
