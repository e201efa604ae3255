"""The jobs that there are: every change of one passes here, whoever asks, and is written before it is told.

Import from the API, `gitops` and `upkeep`. It knows the core and the store.
"""
