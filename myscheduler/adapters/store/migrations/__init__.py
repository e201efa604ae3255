"""How the tables came to be, one module in `versions` for each change."""

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Of all modules, oldest first."""
HEAD = REVISIONS[-1]
"""A database that has it is not looked at further."""
