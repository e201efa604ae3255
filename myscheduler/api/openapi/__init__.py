"""The OpenAPI document: what FastAPI generates from the routes, completed with what it can't see.

`api` builds the document with it. May import the routes' declarations, the shapes and the core; no route imports it.
"""
