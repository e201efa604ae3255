"""Who calls: the API tokens as the service knows them, and JWTs by the keys of their issuers.

Imported by the API and the app. May import `core.access`, adapters, and what is below.
"""
