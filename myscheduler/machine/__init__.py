"""The process and its operating system: memory, open files, private files, signals, and readable causes of errors.

Import from anywhere above the core. It knows nothing about jobs.
"""
