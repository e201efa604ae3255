"""References to secrets in jobs, and the removal of secrets and credentials from everything that is shown.

May be imported by `calls` and the layers above; imports `job` and the layers below.
"""
