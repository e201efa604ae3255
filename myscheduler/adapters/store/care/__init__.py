"""Maintenance of a database by operators: backups, and a check whether it is sound.

Import from the commands of `myscheduler db`. It imports `database` and `tables`.
"""
