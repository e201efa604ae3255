"""Runs a service for hours under steady load, with constant edits of its jobs, to see what grows."""
