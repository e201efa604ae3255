"""Watches the source and brings the jobs to what stands there: the reconciler, and the policy in force.

Import from the app and the API. It knows `catalog`.
"""
