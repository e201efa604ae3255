"""References to secrets in a job, and how values are kept out of all that is shown.

Import from `calls` and above. It knows `job` and below.
"""
