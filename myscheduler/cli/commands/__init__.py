"""The commands, one module each: options, action, exit code.

Imported by `myscheduler.cli`. May import from every package except `myscheduler.cli` itself.
"""
