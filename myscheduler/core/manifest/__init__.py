"""YAML to jobs: parsing, the fields and their checks, the JSON Schema, what only warns, writing.

Import from `gitops`, the API's input and commands. It knows `policy` and below.
"""
