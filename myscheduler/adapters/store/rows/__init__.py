"""SQL, one module for each table: functions that take a connection, and take and return values of the core.

Import from the service and routes of the API, and run the functions by `Store.read` and `Store.write`.
"""
