"""How jobs change: create, replace, pause, resume, delete; the difference of specs, and the audit log.

Import from `service.catalog` and above. It knows `history` and below.
"""
