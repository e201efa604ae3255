"""The operations of the API, one module per subject. Each validates its input, calls the service, and answers in one of
the `shapes`.

Imported by `create_api`. May import `input`, `shapes`, the service and the store's rows.
"""
