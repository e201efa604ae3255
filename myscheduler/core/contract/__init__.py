"""The contract check: compares the calls of jobs with the OpenAPI document that their target names.

May be imported by `gitops`; imports `manifest` and the layers below it. It reads no files, and uses a bounded amount of
time and memory for any document (see decision 0053).
"""
