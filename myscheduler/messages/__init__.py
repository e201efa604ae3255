"""Every English sentence that a screen shows: its code, its parameters, and the template that gives its text.

`catalogue` is the one registry of them. Imports nothing of the other packages; all of them may import it.
"""
