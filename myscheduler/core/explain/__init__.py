"""Explanations in plain English: when a job runs, why it ran or did not, and previews of its fire times.

Imported by the API and commands. May import `history` and the rooms below it; reads nothing itself, but is given what
happened as values.
"""
