"""The running parts of the service, which have state and tasks: `catalog` changes the stored jobs, `dispatch` runs
them, `gitops` follows the source, `upkeep` has the periodic tasks, `store_health` knows whether the database works.

Imported by the API and the app. May import the interfaces of adapters, and the core.
"""
