"""The process and its system: memory, open files, private files, signals, and causes of errors in words.

Import from anywhere above the core. It knows nothing of jobs.
"""
