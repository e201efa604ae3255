"""The commands, a module each: options, what is done, the exit code.

Import from `myscheduler.cli`. It knows everything below the command line.
"""
