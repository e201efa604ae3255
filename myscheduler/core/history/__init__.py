"""What has happened: executions, their states and reasons, repeats of requests.

Import from `dispatch`, `explain`, `lifecycle` and above. It knows `calls` and below.
"""
