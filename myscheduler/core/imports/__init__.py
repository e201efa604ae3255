"""Converts what other schedulers export to manifests: Cloud Scheduler, Kubernetes CronJobs, EventBridge.

Used by the `import` command. Stands on `crontab`, which has the parsers of curl, wget and shell lines.
"""
