"""Runs the real agenda on a virtual clock, to show what a folder of jobs would do.

Imported by the commands `simulate` and `preview`. May import `dispatch` and below.
"""
