"""Who may use the API, and under which hosts: rules without I/O.

May be imported by the API. It imports from `calls`, for the parsing of hosts, and below.
"""
