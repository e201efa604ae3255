"""Everything outside of the process: HTTP, the database, the source, secrets, timers. No adapter imports another.

Import from the service, the app and commands. Adapters take and return values of the core.
"""
