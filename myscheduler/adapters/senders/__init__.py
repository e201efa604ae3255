"""Sender processes: how one is started, and how values travel to it and back."""
