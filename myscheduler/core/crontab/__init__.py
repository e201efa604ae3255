"""Converts crontabs to manifests: parses lines, times, shell commands, and the options of curl and wget.

Used by the `import-crontab` command. May import from every package of the core except `gitops`.
"""
