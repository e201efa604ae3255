"""The JSON shapes of answers, as typed dictionaries, and how they are made from the core's values. OpenAPI is generated
from them.

Imported by the routes, and by commands that print the same JSON. May import the core.
"""
