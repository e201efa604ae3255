"""Who calls: the API tokens as the service knows them.

Imported by the API and the app. May import `core.access`, the store, and what is below.
"""
