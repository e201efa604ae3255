"""Who may use the API, and from where: rules without I/O.

Import from the API's door. It knows `calls`, for what a host is, and below.
"""
