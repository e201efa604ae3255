"""From the state that a source declares to the stored jobs: the plan of changes, its review, enforcement, export.

May be imported by `service.gitops` and commands. It is a top layer: it may import from all of the core but `crontab`.
"""
