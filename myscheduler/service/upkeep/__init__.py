"""Tasks beside the work: the heartbeat, pruning of history, the ends of pauses, a watch on the clock.

Import from the app. It knows `catalog` and `dispatch`.
"""
