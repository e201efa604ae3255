"""Problems found in input, with rule and location; the rules themselves; and the masking of credentials in messages.

May be imported by every part of the core; imports only the modules at the top of `core`.
"""
