"""Sends notifications that are no HTTP requests of ours: mail by SMTP, and whatever Apprise knows.

Imported by `service.notifications`. May import `core.notifications` and below.
"""
