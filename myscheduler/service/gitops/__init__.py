"""Follows the source: the reconciler makes the stored jobs equal to it, and `policy_in_force` keeps its policy.

Imported by the app and the API. May import `catalog`.
"""
