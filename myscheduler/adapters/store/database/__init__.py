"""The connection to SQLite or PostgreSQL: opening, upgrading, the single writer, the readers, errors.

Import `Store` from `myscheduler.adapters.store`. It imports `tables`, and knows nothing about rows.
"""
