"""Follows the source: the reconciler makes the stored jobs equal to it; `policy_in_force` keeps its policy, and
`files_in_force` who may use the API and whom to tell.

Imported by the app and the API. May import `catalog`.
"""
