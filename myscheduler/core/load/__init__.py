"""How many calls start in which minute: forecasts, peaks, and advice on jitter.

May be imported by `policy` and commands. It imports from `calls` and below.
"""
