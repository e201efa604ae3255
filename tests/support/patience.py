"""How long tests wait for what they expect.

A wait ends as soon as what it waits for is there, so a long limit costs nothing where a test passes; a short one fails
where the machine is busy with something else.
"""

PATIENCE = 60.0
"""Seconds until what is expected counts as missing."""
