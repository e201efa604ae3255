"""What runs when: the agenda of due slots, admission, claims, and lanes that keep hosts apart.

Import from `service.dispatch`. It knows `history` and below.
"""
