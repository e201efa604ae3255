"""The real agenda on a virtual clock: what a folder of jobs would do in a week.

Import from `simulate` and `preview` of the command line. It knows `dispatch` and below.
"""
