"""Output for people: colours, charts, the review of changes.

Imported by the commands and reports. May import from the core.
"""
