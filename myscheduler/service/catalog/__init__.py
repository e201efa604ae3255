"""The stored jobs. Every change of a job is made here, and is committed before the timers or a caller learn of it.

Imported by the API, `gitops` and `upkeep`. May import the core and the store.
"""
