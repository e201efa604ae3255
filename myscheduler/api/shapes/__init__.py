"""What the API answers: pydantic models, and how they are made of the core's values. OpenAPI is made of them.

Import from the routes, and from commands that print what the API says. It knows the core.
"""
