"""The migrations of the tables, one module in `versions` for each change."""

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010", "0011")
"""The revisions of all modules, oldest first."""
HEAD = REVISIONS[-1]
"""The newest revision; a database that has it needs no migration."""
