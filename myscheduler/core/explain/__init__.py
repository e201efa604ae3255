"""Words for people: when a job runs, why it ran or did not, previews.

Import from the API and commands. It knows `history` and below, and takes what happened as values.
"""
