"""From a due slot to a finished execution: claim, call, retry, record; recovery after a crash; drain at the end.

`dispatcher` wires the parts, `flights` is what is under way, `caller` is the one door to sending. Import `Dispatcher`
from the app, the API and `upkeep`, and nothing of it from `catalog`. It knows the core, the store and the senders.
"""
