"""From YAML to jobs and back: parsing, the fields and their checks, the JSON Schema, warnings, writing manifests.

May be imported by `gitops`, the API's input and commands. It imports from `policy` and below.
"""
