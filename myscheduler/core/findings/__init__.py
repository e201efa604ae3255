"""What is said of input: a problem with its rule and place, the rules, and texts with credentials masked.

Import from anywhere in the core. It stands on the ground floor alone.
"""
