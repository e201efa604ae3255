"""A job: its spec, its schedule and limits as declared, and its digest.

May be imported by `secrets` and the layers above; imports `schedule` and the layers below.
"""
