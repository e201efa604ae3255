"""SQL, a module a table: functions that take a connection and values of the core, and return such.

Import from the service and routes of the API, to be passed to `Store.read` and `Store.write`. It knows the core.
"""
