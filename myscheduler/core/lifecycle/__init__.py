"""How jobs change: create, replace, pause, resume, delete; the difference between specs, and the audit trail.

May be imported by `service.catalog` and above. It imports from `history` and below.
"""
