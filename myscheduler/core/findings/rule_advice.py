"""What people read about a rule beside its name: why it matters, how to mend it, and a small example."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """About one of `RULES`."""

    why: str
    mend: str
    wrong: str = ""
    """Lines of a manifest that break the rule; empty where it is not about what a manifest says."""
    right: str = ""
    """What to write in their place; empty where they go."""


ADVICE: Mapping[str, Advice] = {
    "body-charset": Advice(
        "Bodies leave as UTF-8. A target that believes the charset reads everything but ASCII wrongly.",
        "Write charset=utf-8, or no charset at all.",
        'headers: {Content-Type: "text/plain; charset=Shift_JIS"}\nbody: 日報',
        'headers: {Content-Type: "text/plain; charset=utf-8"}\nbody: 日報',
    ),
    "both-day-fields": Advice(
        "In a crontab the two are alternatives: the job runs on the 1st and on each Monday, where many expect the "
        "Mondays that are a 1st.",
        "Write day_match: any where that is meant, or day_match: all for days that match both.",
        'cron: "0 9 1 * mon"',
        'cron: "0 9 1 * mon"\nday_match: any',
    ),
    "cron-past": Advice(
        "The job stands there as though it would run, and never does.",
        "Write a later year or end_at, or remove the job.",
        "cron: {year: 2020, hour: 9}",
        "cron: {hour: 9}",
    ),
    "duplicate-id": Advice(
        "Which of the two is meant can't be known, so neither is applied, and the job stays as it was.",
        "Rename one of the jobs, or remove it.",
        "job_id: report\n---\njob_id: report",
        "job_id: report\n---\njob_id: report-weekly",
    ),
    "duplicate-key": Advice(
        "Parsers take the first or the last, so a reviewer may read another job than the one that runs. Two spellings "
        "of one header are the same key.",
        "Remove one; several values of a header are a list below one name.",
        "timeout_sec: 30\ntimeout_sec: 60",
        "timeout_sec: 60",
    ),
    "form-body": Advice(
        "A mapping leaves as the fields of a form; what no form can say, and all below multipart/form-data, leaves as "
        "JSON. Each may surprise the target.",
        "Write the body as text where it has to be exact, or another Content-Type.",
        "headers: {Content-Type: application/x-www-form-urlencoded}\nbody: {name: x}",
        'headers: {Content-Type: application/x-www-form-urlencoded}\nbody: "name=x"',
    ),
    "interval-past": Advice(
        "The job stands there as though it would run, and never does.",
        "Write a later end_at, or remove the job.",
        'interval: {hours: 1}\nend_at: "2020-01-01T00:00"',
        "interval: {hours: 1}",
    ),
    "invalid-anchor": Advice(
        "Slots are counted from the anchor, so without a moment there are none.",
        "Write a date with a time, with the offset or in the job's zone; with clock: wall a whole second.",
        "interval: {hours: 6}\nanchor: monday",
        'interval: {hours: 6}\nanchor: "2026-04-06T09:00"',
    ),
    "invalid-blackout": Advice(
        "What is to be left out is not clear, and a run in a blackout may do harm.",
        "Write from and to with the later one last, or cron and duration.",
        'blackout: [{from: "2027-01-04T00:00", to: "2027-01-01T00:00"}]',
        'blackout: [{from: "2027-01-01T00:00", to: "2027-01-04T00:00"}]',
    ),
    "invalid-calendar": Advice(
        "On which days the job runs is not clear.",
        "Write only: business_days or skip: holidays, a country as its ISO 3166 code, and days as 2026-08-13, 08-13 or "
        "12-29/01-03.",
        "calendar: {country: JP}",
        "calendar: {country: JP, only: business_days}",
    ),
    "invalid-cron": Advice(
        "A schedule that is guessed at runs at the wrong time.",
        "Write minute, hour, day, month and day of week within their ranges; the message names the field.",
        'cron: "61 9 * * *"',
        'cron: "1 9 * * *"',
    ),
    "invalid-header": Advice(
        "No server would read it as written; a line break would even begin another header.",
        "Write a name of letters, digits and -, and a value in one line. What the HTTP client sets is left out.",
        "headers: {Content-Length: '5'}",
        "headers: {X-Team: billing}",
    ),
    "invalid-id": Advice(
        "The id is a part of URLs of the API, so it can't hold what has a meaning there.",
        "Write letters, digits, - and spaces within; without / ? # %.",
        "job_id: reports/daily",
        "job_id: reports-daily",
    ),
    "invalid-interval": Advice(
        "How long to wait between two slots is not clear.",
        "Write units with whole numbers, or an ISO 8601 duration, from one second up to a hundred years; months and "
        "years with clock: wall.",
        "interval: 10m",
        "interval: PT10M",
    ),
    "invalid-method": Advice(
        "A target would refuse it.",
        "Write GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS.",
        "method: FETCH",
        "method: GET",
    ),
    "invalid-moment": Advice(
        "When the schedule begins or ends is not clear.",
        "Write a date with a time, with the offset where the local time is skipped or comes twice.",
        "start_at: tomorrow",
        'start_at: "2026-04-01T00:00:00+09:00"',
    ),
    "invalid-name": Advice(
        "Names stand in lists and logs, where a line break would look like another entry.",
        "Write the name in one line.",
        'name: "daily\\nreport"',
        "name: daily report",
    ),
    "invalid-pattern": Advice(
        "git passes such a line over in silence, so the files that it was to leave out are read.",
        "Mend the pattern, or remove the line: an open bracket needs a closing one, a last backslash escapes nothing.",
    ),
    "invalid-policy": Advice(
        "A rule that can't be understood protects nothing. The service keeps the rules that were last good, and new "
        "and changed manifests wait where none ever was.",
        "Write what the message asks for; the page on the policy has all keys.",
    ),
    "invalid-reference": Advice(
        "What looks like a reference and is none would be sent as it stands, in place of the secret.",
        "Write ${secret:NAME} for a secret, and $${ for a literal ${.",
        'headers: {Authorization: "Bearer ${TOKEN}"}',
        'headers: {Authorization: "Bearer ${secret:reports-token}"}',
    ),
    "invalid-run-at": Advice(
        "A job that runs once needs its one moment.",
        "Write a date with a time. Where the local time comes twice, write the offset or fold; where the clock jumps "
        "over it, another time.",
        "run_at: tomorrow",
        'run_at: "2099-04-01T09:00:00+09:00"',
    ),
    "invalid-text": Advice(
        "Half of a surrogate pair is no character and can't be sent as UTF-8.",
        "Write the whole character.",
    ),
    "invalid-timezone": Advice(
        "When the schedule is due is not known. Abbreviations are no zones, as several countries use one for "
        "different times.",
        "Write a name of the IANA database.",
        "timezone: JST",
        "timezone: Asia/Tokyo",
    ),
    "invalid-type": Advice(
        "Text that stands for a number, or the other way round, is a guess that goes wrong at some time.",
        "Write the type that the message asks for; numbers and true or false stand without quotes.",
        'max_retries: "3"',
        "max_retries: 3",
    ),
    "invalid-url": Advice(
        "It can't be called.",
        "Write http:// or https://, a host that is spelled out, and spaces as %20.",
        "target_url: api.example.com/run",
        "target_url: https://api.example.com/run",
    ),
    "invalid-value": Advice(
        "What is out of range has no meaning, or would keep the service from its other work.",
        "Write one of the values that the message names.",
        "overlap: wait",
        "overlap: queue",
    ),
    "invalid-window": Advice(
        "There is no time left in which the schedule could have a slot.",
        "Write an end_at that is later than start_at.",
        'start_at: "2026-05-01T00:00"\nend_at: "2026-04-01T00:00"',
        'start_at: "2026-05-01T00:00"\nend_at: "2099-04-01T00:00"',
    ),
    "json-in-text": Advice(
        "It is sent as a text that holds JSON, in quotes and with escapes, where most targets want the object itself.",
        "Write the value as YAML, not in quotes and not as a block of text.",
        'body: \'{"report": "daily"}\'',
        "body: {report: daily}",
    ),
    "literal-credential": Advice(
        "Who may read the repository, now or in its history, has the credential.",
        "Write ${secret:NAME} in its place, and change the credential: it is no secret any more.",
        "headers: {Authorization: Bearer 7fQ2mLx9Kp4vTz}",
        'headers: {Authorization: "Bearer ${secret:reports-token}"}',
    ),
    "look-alike-id": Advice(
        "Two jobs run where people see one: ids are compared to the letter, also in case, in full and half width, and "
        "in how accents and voicing marks are composed (macOS decomposes them in the names of files).",
        "Write one id where one job is meant, else ids that people can tell apart.",
        "job_id: report-a\n---\njob_id: report-Ａ",
        "job_id: report-a\n---\njob_id: report-b",
    ),
    "missing-field": Advice(
        "A job needs an id by which it is known again, and a URL to call.",
        "Write the field; a file that is no manifest belongs elsewhere.",
        'cron: "0 9 * * *"\ntarget_url: https://api.example.com/run',
        'job_id: report\ncron: "0 9 * * *"\ntarget_url: https://api.example.com/run',
    ),
    "more-problems": Advice(
        "A file of which so much is wrong is mostly wrong in one way; a longer list would only hide it.",
        "Mend the problems that are told, and look again.",
    ),
    "never-runs": Advice(
        "The job stands there as though it would run, and never does.",
        "Write other limits: a blackout that leaves something, or an end_at behind the first slot.",
        'cron: "30 2 * * *"\nblackout: [{cron: "0 2 * * *", duration: PT1H}]',
        'cron: "30 3 * * *"\nblackout: [{cron: "0 2 * * *", duration: PT1H}]',
    ),
    "no-effect": Advice(
        "Whoever wrote the field expects something of it that will not happen.",
        "Remove the field, or write the schedule that it needs.",
        'cron: "*/5 * * * *"\ndst: {gap: skip}',
        'cron: "*/5 * * * *"',
    ),
    "no-run-found": Advice(
        "Whether the job ever runs was not found out; looking on would keep the service from its other work.",
        "Write fewer or simpler blackouts.",
    ),
    "not-a-manifest": Advice(
        "A file of another tool declares no job. The jobs of one that declared some before stay as they were.",
        "Name it in .myschedulerignore, move it, or write the job_id and the schedule that are missing.",
        "services: {db: {image: postgres}}",
        'job_id: report\ncron: "0 9 * * *"\ntarget_url: https://api.example.com/run',
    ),
    "not-a-mapping": Advice(
        "A job is a mapping of fields. Several jobs of a file are documents, each with its own place in messages.",
        "Write the fields, and --- between two jobs.",
        'job_id: report\ncron: "0 9 * * *"\ntarget_url: https://api.example.com/run\n---\njust some text',
        'job_id: report\ncron: "0 9 * * *"\ntarget_url: https://api.example.com/run',
    ),
    "not-read": Advice(
        "Only names that end in .yaml or .yml, in small letters, are read, so what the file declares does not run.",
        "Rename the file, or name it in .myschedulerignore.",
    ),
    "not-utf8": Advice(
        "What the characters are can't be known; a guess would give jobs wrong names and send wrong bodies.",
        "Save the file as UTF-8.",
    ),
    "owned-by-api": Advice(
        "Someone made the job through the API, and a manifest doesn't take it away from them by accident.",
        "Write adopt: true to take it over with its history and pause, or another job_id.",
    ),
    "policy-host": Advice(
        "Where jobs may call is decided in one place, so that no manifest can reach what it should not.",
        "Call a host that policy.yaml allows, or have the host added to allow_hosts.",
        "target_url: https://elsewhere.example.org/run",
        "target_url: https://api.example.com/run",
    ),
    "policy-interval": Advice(
        "A job that runs too often is a burden for its target and for all other jobs.",
        "Let it run less often, or have min_interval_sec of policy.yaml changed.",
        "interval: {seconds: 10}",
        "interval: {minutes: 5}",
    ),
    "policy-label": Advice(
        "Labels say who answers for a job; without them nobody is asked when it fails.",
        "Write the label with one of the values that policy.yaml names.",
        "labels: {team: nobody}",
        "labels: {team: billing}",
    ),
    "policy-link-local": Advice(
        "In a cloud, whoever calls such an address from a machine gets that machine's credentials.",
        "Call the host by its own address, or have the address added to allow_link_local of policy.yaml.",
        "target_url: http://169.254.169.254/latest/meta-data/",
        "target_url: https://api.example.com/run",
    ),
    "policy-literal-credential": Advice(
        "Who may read the repository, now or in its history, has the credential.",
        "Write ${secret:NAME} in its place, and change the credential: it is no secret any more.",
        "headers: {Authorization: Bearer 7fQ2mLx9Kp4vTz}",
        'headers: {Authorization: "Bearer ${secret:reports-token}"}',
    ),
    "policy-method": Advice(
        "The policy keeps jobs to methods that are known to do no harm.",
        "Write a method that policy.yaml allows, or have it added to allow_methods. Without one a job calls with GET.",
        "method: DELETE",
        "method: POST",
    ),
    "policy-retries": Advice(
        "Retries come on top of what a target has to bear, just when it is in trouble.",
        "Write fewer, or have max_retries of policy.yaml changed.",
        "max_retries: 50",
        "max_retries: 2",
    ),
    "policy-starts": Advice(
        "Calls that start together are a rush that the target was not made for.",
        "Write another minute, or jitter_sec, which spreads jobs over minutes; `myscheduler forecast` shows which are "
        "crowded.",
    ),
    "reserved-header": Advice(
        "The value that is written is never sent, as the scheduler sends its own.",
        "Remove the header, or choose another name.",
        "headers: {X-MyScheduler-Job-Id: report}",
        "headers: {X-Job: report}",
    ),
    "retries-outlast-period": Advice(
        "While an execution is still being tried again, the next slot is due; unless overlap says otherwise, it is "
        "skipped.",
        "Write fewer retries or a shorter timeout_sec, or say with overlap what shall happen.",
        "interval: {minutes: 1}\ntimeout_sec: 60\nmax_retries: 3",
        "interval: {minutes: 1}\ntimeout_sec: 10\nmax_retries: 2",
    ),
    "run-at-past": Advice(
        "The job stands there as though it would run, and never does.",
        "Write a later moment, or remove the job.",
        'run_at: "2020-04-01T09:00:00+09:00"',
        'run_at: "2099-04-01T09:00:00+09:00"',
    ),
    "schedule": Advice(
        "With two schedules, or with fields of another one, it is not clear when the job runs.",
        "Write exactly one of cron, interval and run_at, and beside it only what belongs to it.",
        'cron: "0 9 * * *"\ninterval: {hours: 1}',
        'cron: "0 9 * * *"',
    ),
    "secret-in-host": Advice(
        "Everybody who reads the manifest is to see where the call goes, and the policy has to judge it.",
        "Write scheme, host and port themselves; user, password, path and query may hold references.",
        "target_url: https://${secret:host}/run",
        "target_url: https://api.example.com/run?key=${secret:key}",
    ),
    "secret-not-allowed": Advice(
        "Whoever may call the API could otherwise send any secret to a server of their own.",
        "Declare the job in a manifest, or have the secret and the host added to api_secrets of policy.yaml.",
    ),
    "too-large": Advice(
        "Each pass of the service judges all jobs, so what one of them may hold is bounded.",
        "Write less: keep large data where the target can fetch it, and send its address.",
    ),
    "unknown-calendar": Advice(
        "On which days the job runs is not known.",
        "Write a name of calendars.yaml, or add the calendar there.",
        "calendar: {name: head-ofice, only: business_days}",
        "calendar: {name: head-office, only: business_days}",
    ),
    "unknown-key": Advice(
        "A key that is mistyped would be passed over in silence, and the job would do without it.",
        "Write the key as the documentation has it; free data belongs into labels.",
        "max_retry: 3",
        "max_retries: 3",
    ),
    "unknown-secret": Advice(
        "Without its secret nothing is sent: each execution fails.",
        "Write a name that there is, or make the secret before this is merged.",
        'headers: {Authorization: "Bearer ${secret:reports-tokn}"}',
        'headers: {Authorization: "Bearer ${secret:reports-token}"}',
    ),
    "unreadable": Advice(
        "What can't be read is not taken for empty: the jobs of the file stay as they were, and no change comes in.",
        "Mend the permissions, or whatever the message names.",
    ),
    "yaml-bomb": Advice(
        "A few lines of aliases can stand for more than any memory holds.",
        "Write the values out, or use fewer aliases within each other.",
    ),
    "yaml-key": Advice(
        "Fields, headers and labels have names, and a list or a mapping is none.",
        "Write text before the colon.",
        "labels: {[team]: billing}",
        "labels: {team: billing}",
    ),
    "yaml-merge": Advice(
        "Only the fields of mappings can be merged into a job.",
        "Write a mapping, an alias of one, or a list of such.",
        '<<: "team"',
        "<<: {labels: {team: billing}}",
    ),
    "yaml-surprise": Advice(
        "YAML 1.1 and 1.2 read it differently: NO is false or a word, 0123 is 83 or 123, 1:30 is 90 or text.",
        "Put it into quotes where it is text, or write the number plainly.",
        "labels: {country: NO}",
        'labels: {country: "NO"}',
    ),
    "yaml-syntax": Advice(
        "Nothing of the file can be used, so its jobs stay as they were.",
        "Mend what stands at the place that is told, or shortly before it: often a colon, a quote, or spaces in front.",
        'name: "daily report',
        'name: "daily report"',
    ),
    "yaml-tag": Advice(
        "Tags ask a parser to make something else than plain data, each in its own way.",
        "Write plain values.",
        "name: !!python/name:os.system x",
        "name: x",
    ),
}
"""Why each of `RULES` matters and what to do about it."""
