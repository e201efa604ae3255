"""Decides which due slots run, and when: admission, the agenda of due slots, claims, and one lane per target host.

Imported by `service.dispatch`. May import `history` and below.
"""
