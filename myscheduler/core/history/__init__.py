"""What has happened: executions, slots that did not run, the reasons, repeats of requests.

Import from `dispatch`, `explain`, `lifecycle` and above. It knows `calls` and below.
"""
