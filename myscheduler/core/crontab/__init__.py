"""Reads crontabs: lines, times, shell commands, curl and wget, and makes manifests of them.

Import from `import-crontab`. It is a top floor: it may know all of the core but `gitops`.
"""
