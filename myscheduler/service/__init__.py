"""What runs: parts with state and tasks that keep the promises. `dispatch` calls, `catalog` keeps jobs.

Import from the API and the app. It knows adapters by their interfaces, and the core.
"""
