"""How many calls start when: forecasts, peaks, and the jitter that would help.

Import from `policy` and commands. It knows `calls` and below.
"""
