"""What operators do to a database while nothing else does: back it up, look whether it is sound.

Import from the commands of `myscheduler db`. It knows `database` and `tables`.
"""
