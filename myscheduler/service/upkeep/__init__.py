"""The periodic background tasks: heartbeat, pruning of the history, the ends of pauses, a watch on the system clock.

Imported by the app. May import `catalog` and `dispatch`.
"""
