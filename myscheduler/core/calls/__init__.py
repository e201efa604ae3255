"""A call of a job as HTTP: the host that it goes to, its request, and which hosts may be called at all.

Import from `history` and above, and from the senders. It knows `secrets` and `job`.
"""
