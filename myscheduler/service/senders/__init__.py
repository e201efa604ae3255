"""Calls made by processes of their own: the main process decides, claims and records, and they send."""
