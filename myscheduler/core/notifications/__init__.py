"""Whom to tell, and how it is said: `notifications.yaml`, routes, texts, payloads. Sends nothing.

May be imported by `manifest`, adapters that send, the service and commands. It imports from `incidents`, `access` (for
scopes) and below.
"""
