"""The timer that wakes the dispatcher: APScheduler, with a store for its jobs that is a heap.

Import `timers` from the service. It knows the core alone.
"""
