"""The world outside: HTTP, the database, the source, secrets, timers. One adapter knows no other.

Import from the service, the app and commands. They speak in values of the core.
"""
