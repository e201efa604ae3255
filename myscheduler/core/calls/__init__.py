"""A job's call as HTTP: its host, its request, its outcome and retries, and which hosts may be called at all.

May be imported by `history` and the layers above, and by the HTTP senders; imports `secrets` and `job`.
"""
