"""A job: its spec, schedule and limits as declared, and its digest.

Import from `secrets` and above. It knows `schedule` and below.
"""
