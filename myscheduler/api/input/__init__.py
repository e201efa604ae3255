"""Reads and validates what requests contain: query parameters, timestamps, JSON bodies, idempotency keys.

Imported by the routes. May import the core.
"""
