"""The connection to SQLite or PostgreSQL: opening, upgrading, the one writer, readers, what errors mean.

Import `Store` from `myscheduler.adapters.store`. It knows `tables`, and nothing of rows.
"""
