"""The one registry of all sentences that the API answers with: the template of each code.

A code never changes its meaning, nor loses a parameter. docs/messages.md is made from it.
"""

from collections.abc import Mapping

from myscheduler.messages.texts.api import API
from myscheduler.messages.texts.calls import CALLS
from myscheduler.messages.texts.chains import CHAINS
from myscheduler.messages.texts.contracts import CONTRACTS
from myscheduler.messages.texts.files import FILES
from myscheduler.messages.texts.jobs import JOBS
from myscheduler.messages.texts.notifications import NOTIFICATIONS
from myscheduler.messages.texts.plans import PLANS
from myscheduler.messages.texts.requests import REQUESTS
from myscheduler.messages.texts.schedules import SCHEDULES
from myscheduler.messages.texts.templates import TEMPLATES
from myscheduler.messages.texts.why import WHY

OTHER = "other"
"""The code of a text that has none, such as one that an older version stored; it has no parameters."""
SUBJECTS: Mapping[str, Mapping[str, str]] = {
    "Slots and executions": WHY,
    "Calls and answers": CALLS,
    "Chains": CHAINS,
    "Requests": API,
    "Queries, bodies and credentials of calls": REQUESTS,
    "Plans and the source": PLANS,
    "Schedules and calendars": SCHEDULES,
    "Jobs and the policy": JOBS,
    "Files": FILES,
    "Notifications": NOTIFICATIONS,
    "Templates and variables": TEMPLATES,
    "OpenAPI documents of targets": CONTRACTS,
}
"""By subject: the sentences; no code is in two of them."""
MESSAGES: Mapping[str, str] = {code: text for texts in SUBJECTS.values() for code, text in texts.items()}
