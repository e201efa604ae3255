"""The timers that wake the dispatcher: APScheduler, with a heap as its job store.

Import `timers` from the service. It imports only the core.
"""
