"""What requests carry, read and judged: query parameters, times, bodies of jobs, ids of requests.

Import from the routes. It knows the core.
"""
