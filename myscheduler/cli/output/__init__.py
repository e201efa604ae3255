"""What commands print for people: colours, charts, the review of changes.

Import from the commands and reports. It knows the core.
"""
