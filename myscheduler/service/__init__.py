"""What runs: parts with state and tasks that keep the promises. `dispatch` calls, `catalog` keeps jobs, and
`store_health` says whether the database can be used.

Import from the API and the app. It knows adapters by their interfaces, and the core.
"""
