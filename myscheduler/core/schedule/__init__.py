"""Time: cron, intervals, calendars, zones and DST, jitter and what is left out. A schedule is an iterator of slots.

Import from `job` and above. It knows `findings` alone.
"""
