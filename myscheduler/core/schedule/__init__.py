"""Time: cron, intervals, calendars, time zones and DST, jitter and exclusions. A schedule is an iterator of slots.

May be imported by `job` and the layers above; imports only `findings`.
"""
