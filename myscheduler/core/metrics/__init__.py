"""What is measured: the names and meanings of all metrics, and the histogram that their values are counted in.

Every package may use it. Must not import any other.
"""
