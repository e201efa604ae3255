"""Upper limits for everything that users send or write, and for everything that we report back.

Manifests and the API share these limits, as they share the model of a job. Each check stops counting at its limit, so
that oversized input can't keep the service busy.
"""

# --- a job ---

LARGEST_JOB = 1024 * 1024
"""Characters of all its keys and texts together."""
MOST_VALUES = 10_000
"""Fields of the job, and all keys and items nested in them."""
DEEPEST = 100
"""Levels of nested objects and lists."""
LONGEST_NUMBER = 1_000
"""Digits of a whole number."""
MOST_REFERENCES = 1_000
"""References to secrets and literal `${` together: each of them is searched for at every call."""
REFERENCE = "${"
MOST_EXPRESSIONS = 1_000
"""Expressions of templates: each of them is evaluated at every call."""
LONGEST_EXPRESSION = 500
"""Characters of one, with its braces."""
MOST_FILTERS = 10
"""Filters of one expression."""
LONGEST_NAME = 1_000
LONGEST_URL = 8_192
LONGEST_WORD = 1_000
"""Characters of a crontab line, a timestamp, a time zone or a duration."""
MOST_HEADERS = 100
LONGEST_HEADER_NAME = 255
LONGEST_HEADER = 8_192
LARGEST_HEADERS = 65_536
"""Characters of all header names and values together."""
MOST_LABELS = 100
LONGEST_LABEL_NAME = 255
LONGEST_LABEL = 1_000

# --- a request ---

LARGEST_BODY = 1024 * 1024
"""Bytes."""
MOST_PARAMETERS = 1_000
"""Query parameters; the length of the query is limited by that of the head of the request."""
LONGEST_ACTOR = 255
LONGEST_REASON = 1_000

# --- a file ---

LARGEST_FILE = 10 * 1024 * 1024
"""Bytes."""
MOST_IN_DOCUMENT = 200_000
"""Values of a document after its aliases are expanded; more is treated as a YAML bomb."""
MOST_IN_FILE = 1_000_000
"""Values of a file. Parsing that many takes about 500 MB; 10,000 jobs have about 250,000."""

# --- .myschedulerignore: each file name is matched against all of its patterns ---

LARGEST_IGNORE = 32 * 1024
"""Bytes."""
MOST_PATTERNS = 1_000

# --- policy.yaml and calendars.yaml: each job is checked against all of their entries ---

MOST_RULED = 1_000
"""Texts in the lists of all rules of a policy together; a grant counts as its secrets times its hosts."""
LONGEST_RULED = 255
"""Characters of one such text: a host name has at most 253."""
LARGEST_RULED = 36_525 * 86_400
"""The largest number in a rule: a hundred years in seconds, the longest interval that a job may have."""
MOST_CALENDARS = 1_000
LONGEST_CALENDAR_NAME = 255

# --- vars.yaml and targets.yaml ---

MOST_VARIABLES = 1_000
MOST_TARGETS = 1_000
LONGEST_VARIABLE = 1_000
"""Characters of one value."""

# --- access.yaml ---

MOST_TOKENS = 1_000
MOST_ISSUERS = 20
MOST_CLAIM_RULES = 1_000
"""Rules of one issuer."""

# --- a crontab ---

LARGEST_CRONTAB = 1024 * 1024
"""Bytes."""
LONGEST_CRONTAB_LINE = 10_000
"""Characters; implementations of cron stop at 1,000 or at 131,072."""
MOST_CRONTAB_JOBS = 2_000
MOST_CRONTAB_SETTINGS = 1_000
LARGEST_EXPANSION = 65_536
"""Characters that the variables in the command of one line expand to, each use counted."""

# --- reports ---

MOST_PROBLEMS = 100
"""Problems reported for one request or one file: finding each takes time, and more would not be read."""
MOST_NAMED = 100
"""Jobs of one kind that an answer about all jobs names; the rest are only counted."""
MOST_STRAYS = 100
"""Files of a source reported as not read although their names suggest that they are manifests."""
MOST_IN_REPORT = 1_000
"""Problems reported by one command, all files together."""

LONGEST_MESSAGE = 1_000
"""Characters of the message of one problem."""
LONGEST_FIELD = 200
"""Characters of the dotted name of a field."""
LONGEST_DETAIL = 4_000
"""Characters of a text that summarises all problems."""
MOST_CHANGES = 100
"""Changed fields in one entry of the audit trail."""
LONGEST_CHANGE = 500
"""Characters of one value in such an entry."""
LARGEST_ENTRY = 8_192
"""Bytes of all changed fields of an entry, as JSON."""

TOO_LONG = 10**LONGEST_NUMBER
"""Replaces every longer number: it is refused either way, and parsing a longer one would take long."""


def read_number(digits: str) -> int:
    """Parse a whole number from its digits in JSON or YAML; one of more than `LONGEST_NUMBER` digits is `TOO_LONG`."""
    return int(digits) if len(digits) <= LONGEST_NUMBER else TOO_LONG
