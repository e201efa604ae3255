"""The operations of the API, a module a subject. Each reads its input, asks the service, and answers in a shape.

Import from `create_api`. It knows `input`, `shapes`, the service and the store's rows.
"""
