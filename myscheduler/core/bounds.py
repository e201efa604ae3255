"""How much may stand in what people write: in manifests and in the API alike, because one model serves both.

Whoever sends more is told so by a look that ends at the bound, so that nothing that is sent keeps us from others.
"""

# --- a job ---

LARGEST_JOB = 1024 * 1024
"""Characters of all its keys and texts."""
MOST_VALUES = 10_000
"""Its fields, and all keys and items below them."""
DEEPEST = 100
"""Levels of objects and lists within each other."""
LONGEST_NUMBER = 1_000
"""Digits of a whole number."""
MOST_REFERENCES = 1_000
"""References to secrets, and literal `${`: each is looked for at every call."""
REFERENCE = "${"
LONGEST_NAME = 1_000
LONGEST_URL = 8_192
LONGEST_WORD = 1_000
"""Characters of a crontab line, a moment, a time zone, a span of time."""
MOST_HEADERS = 100
LONGEST_HEADER_NAME = 255
LONGEST_HEADER = 8_192
LARGEST_HEADERS = 65_536
"""Characters of all names and values together."""
MOST_LABELS = 100
LONGEST_LABEL_NAME = 255
LONGEST_LABEL = 1_000

# --- a request ---

LARGEST_BODY = 1024 * 1024
"""Bytes."""
LONGEST_ACTOR = 255
LONGEST_REASON = 1_000

# --- a file ---

LARGEST_FILE = 10 * 1024 * 1024
"""Bytes."""
MOST_IN_DOCUMENT = 200_000
"""How many values a document may hold when its aliases are expanded; more is a YAML bomb."""
MOST_IN_FILE = 1_000_000
"""How many values a file may hold. They take some 500 MB while they are read; 10,000 jobs have about 250,000."""

# --- .myschedulerignore: each name is held against all of its patterns ---

LARGEST_IGNORE = 32 * 1024
"""Bytes."""
MOST_PATTERNS = 1_000

# --- policy.yaml and calendars.yaml: each job is held against all of what stands there ---

MOST_RULED = 1_000
"""Texts in the lists of a policy, all rules together; of grants, each secret with each host."""
LONGEST_RULED = 255
"""Characters of one of them: a host has 253 at the most."""
LARGEST_RULED = 36_525 * 86_400
"""The largest number in a rule: the seconds of a hundred years, which is the longest interval."""
MOST_CALENDARS = 1_000
LONGEST_CALENDAR_NAME = 255

# --- a crontab ---

LARGEST_CRONTAB = 1024 * 1024
"""Bytes."""
LONGEST_CRONTAB_LINE = 10_000
"""Characters; cron itself ends at 1,000 or at 131,072."""
MOST_CRONTAB_JOBS = 2_000
MOST_CRONTAB_SETTINGS = 1_000
LARGEST_EXPANSION = 65_536
"""Characters of all variables that stand in the command of a line, as often as they stand there."""

# --- what is told ---

MOST_PROBLEMS = 100
"""Of one request or one file; each costs a walk, and nobody reads more."""
MOST_NAMED = 100
"""Jobs of one kind that an answer about all of them names; it counts the others."""
MOST_STRAYS = 100
"""Files of a source that are not read though somebody may think so."""
MOST_IN_REPORT = 1_000
"""Of all files of one command."""

LONGEST_MESSAGE = 1_000
"""Characters of a message about one problem."""
LONGEST_FIELD = 200
"""Characters of the dotted name of a field."""
LONGEST_DETAIL = 4_000
"""Characters of one text that tells of all problems."""
MOST_CHANGES = 100
"""Fields that one entry of the audit trail tells."""
LONGEST_CHANGE = 500
"""Characters of a value in it."""
LARGEST_ENTRY = 8_192
"""Bytes of these fields, as JSON."""

TOO_LONG = 10**LONGEST_NUMBER
"""Stands for each number that is longer: it is refused either way, and a longer one takes long to be read."""


def read_number(digits: str) -> int:
    """A whole number as it is written in JSON or YAML."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else TOO_LONG
