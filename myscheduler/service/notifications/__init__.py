"""Delivers messages to channels: looks up the secrets of a channel, and sends what its service takes.

Imported by the app and the API. May import adapters and `core.notifications`.
"""
