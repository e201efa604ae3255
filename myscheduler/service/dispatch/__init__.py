"""From a due slot to a finished execution: claim, call, retry, record; recovery after a crash; drain at the end.

Import from the app, the API and `catalog`'s callers. It knows the core, the store and the senders.
"""
