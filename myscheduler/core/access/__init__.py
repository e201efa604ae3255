"""Who may use the API, and from where: rules without I/O.

Import from the API's door. It stands on `findings` and the ground floor alone.
"""
