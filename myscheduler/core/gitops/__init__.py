"""From a source to the jobs in force: what changes, the plan, the review, enforcement, export.

Import from `service.gitops` and commands. It is a top floor: it may know all of the core but `crontab`.
"""
