"""A service for hours under steady load, while somebody edits its jobs all the time, to see what grows."""
