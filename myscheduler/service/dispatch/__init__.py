"""Takes due slots to finished executions: claim, call, retry, record; recovery after a crash, and the drain at the end.

`dispatcher` wires the parts, `flights` holds the executions in progress, and `caller` is the only way to send requests.
Imported by the app, the API and `upkeep`, not by `catalog`. May import the core, the store and the senders.
"""
