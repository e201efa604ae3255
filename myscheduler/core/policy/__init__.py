"""`policy.yaml`: reading it, and what it says of a job or of all jobs together.

Import from `manifest` and above. It knows `dispatch`, `load` and below.
"""
