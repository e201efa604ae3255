"""The history: executions, slots that did not run, and stored answers for repeated requests.

Imported by `dispatch`, `explain`, `lifecycle` and above. May import `calls` and below.
"""
