"""How the tables came to be, one module in `versions` for each change."""

HEAD = "0004"
"""The revision of the newest; a database that has it is not looked at further."""


class UnknownRevisionError(Exception):
    """The database has a revision that none of the modules made."""
