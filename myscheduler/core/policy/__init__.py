"""`policy.yaml`: reading it, and checking one job, or all jobs together, against its rules.

May be imported by `manifest` and above. It imports from `explain`, `load`, `source` and below.
"""
