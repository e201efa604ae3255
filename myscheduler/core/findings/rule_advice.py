"""The advice for each rule: why it matters, how to fix a finding, and a small example."""

from collections.abc import Mapping

from myscheduler.core.findings.advice import Advice
from myscheduler.core.findings.chain_advice import CHAIN_ADVICE
from myscheduler.core.findings.contract_advice import CONTRACT_ADVICE
from myscheduler.core.findings.policy_advice import POLICY_ADVICE
from myscheduler.core.findings.rules import RULES
from myscheduler.core.findings.yaml_advice import YAML_ADVICE

_ADVICE: Mapping[str, Advice] = {
    **CHAIN_ADVICE,
    **POLICY_ADVICE,
    "body-charset": Advice(
        "Bodies are sent as UTF-8. A target that believes the charset misreads everything but ASCII.",
        "Write charset=utf-8, or no charset at all.",
        'headers: {Content-Type: "text/plain; charset=Shift_JIS"}\nbody: 日報',
        'headers: {Content-Type: "text/plain; charset=utf-8"}\nbody: 日報',
    ),
    "both-day-fields": Advice(
        "In a crontab the two are alternatives: the job runs on the 1st and on each Monday, although many expect it to "
        "run only on a Monday that is the 1st.",
        "Write day_match: any if that is meant, or day_match: all for days that match both.",
        'cron: "0 9 1 * mon"',
        'cron: "0 9 1 * mon"\nday_match: any',
    ),
    "cron-past": Advice(
        "The manifest looks as if the job would run, but it never does.",
        "Write a later year or end_at, or remove the job.",
        "cron: {year: 2020, hour: 9}",
        "cron: {hour: 9}",
    ),
    "duplicate-id": Advice(
        "It is not known which of the two is meant, so neither is applied, and the job stays as it was.",
        "Rename one of the jobs, or remove it.",
        "job_id: report\n---\njob_id: report",
        "job_id: report\n---\njob_id: report-weekly",
    ),
    "duplicate-key": Advice(
        "A reviewer may read another job than the one that runs. Two spellings of one header are the same key.",
        "Remove one of them; write several values of a header as a list under one name.",
        "timeout_sec: 30\ntimeout_sec: 60",
        "timeout_sec: 60",
    ),
    "form-body": Advice(
        "A mapping is sent as the fields of a form; what a form can't express, and any body with multipart/form-data, "
        "is sent as JSON. The target may expect neither.",
        "Write the body as text if it has to be exact, or use another Content-Type.",
        "headers: {Content-Type: application/x-www-form-urlencoded}\nbody: {name: x}",
        'headers: {Content-Type: application/x-www-form-urlencoded}\nbody: "name=x"',
    ),
    "interval-past": Advice(
        "The manifest looks as if the job would run, but it never does.",
        "Write a later end_at, or remove the job.",
        'interval: {hours: 1}\nend_at: "2020-01-01T00:00"',
        "interval: {hours: 1}",
    ),
    "invalid-access": Advice(
        "A file with a mistake changes nobody's rights: the service keeps the last valid access.yaml; if there never "
        "was one, the file lets nobody in. A token that is written out can be used by everyone who reads the file.",
        "Write what the message asks for; the page on access lists all keys. Revoke a token that was committed.",
    ),
    "invalid-anchor": Advice(
        "Slots are counted from the anchor, so without a timestamp there are none.",
        "Write a date with a time, with an offset or in the job's time zone; with clock: wall, a whole second.",
        "interval: {hours: 6}\nanchor: monday",
        'interval: {hours: 6}\nanchor: "2026-04-06T09:00"',
    ),
    "invalid-blackout": Advice(
        "It is not clear which slots to exclude, and a run in a blackout may do harm.",
        "Write from and to, with to later than from, or cron and duration.",
        'blackout: [{from: "2027-01-04T00:00", to: "2027-01-01T00:00"}]',
        'blackout: [{from: "2027-01-01T00:00", to: "2027-01-04T00:00"}]',
    ),
    "invalid-calendar": Advice(
        "It is not clear on which days the job runs.",
        "Write only: business_days or skip: holidays, a country as its ISO 3166 code, and days as 2026-08-13, 08-13 or "
        "12-29/01-03.",
        "calendar: {country: JP}",
        "calendar: {country: JP, only: business_days}",
    ),
    "invalid-cron": Advice(
        "If the schedule were guessed, the job would run at the wrong time.",
        "Write minute, hour, day, month and day of week within their ranges; the message names the field.",
        'cron: "61 9 * * *"',
        'cron: "1 9 * * *"',
    ),
    "invalid-header": Advice(
        "No server would read it as written; a line break would even start another header.",
        "Write a name of letters, digits and -, and a value in one line. Leave out headers that the HTTP client sets.",
        "headers: {Content-Length: '5'}",
        "headers: {X-Team: billing}",
    ),
    "invalid-id": Advice(
        "The id is part of URLs of the API, so it can't contain characters with a meaning there.",
        "Write letters, digits and -, with spaces only between them, and without / ? # %.",
        "job_id: reports/daily",
        "job_id: reports-daily",
    ),
    "invalid-interval": Advice(
        "It is not clear how much time is between two slots.",
        "Write units with whole numbers, or an ISO 8601 duration, from one second to a hundred years; months and years "
        "require clock: wall.",
        "interval: 10m",
        "interval: PT10M",
    ),
    "invalid-method": Advice(
        "A target would reject it.",
        "Write GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS.",
        "method: FETCH",
        "method: GET",
    ),
    "invalid-moment": Advice(
        "It is not clear when the schedule begins or ends.",
        "Write a date with a time, with the offset if the local time is skipped or occurs twice.",
        "start_at: tomorrow",
        'start_at: "2026-04-01T00:00:00+09:00"',
    ),
    "invalid-name": Advice(
        "Names are shown in lists and logs, where a line break would look like another entry.",
        "Write the name in one line.",
        'name: "daily\\nreport"',
        "name: daily report",
    ),
    "invalid-notifications": Advice(
        "A file with a mistake changes nothing: the service keeps the last valid notifications.yaml; if there never "
        "was one, nobody is told of trouble. A credential that is written out can be used by everyone who reads it.",
        "Write what the message asks for; the page on notifications lists all keys.",
    ),
    "invalid-notify": Advice(
        "It is not known whom the job is to tell, or from when on.",
        "Write false, or an object with channels, after_failures, failures and of, late_after, remind.",
        "notify: {after_failures: 0}",
        "notify: {after_failures: 3}",
    ),
    "invalid-pattern": Advice(
        "git silently ignores such a line, so the files that it should exclude are read.",
        "Fix the pattern, or remove the line: a [ needs a closing ], and a backslash at the end escapes nothing.",
    ),
    "invalid-policy": Advice(
        "A rule that is not valid protects nothing. The service keeps the last valid policy; if there never was one, "
        "new and changed manifests wait.",
        "Write what the message asks for; the page on the policy lists all keys.",
    ),
    "invalid-reference": Advice(
        "Text that looks like a reference but is not one would be sent as it is written, instead of the secret.",
        "Write ${secret:NAME} for a secret, and $${ for a literal ${.",
        'headers: {Authorization: "Bearer ${TOKEN}"}',
        'headers: {Authorization: "Bearer ${secret:reports-token}"}',
    ),
    "invalid-run-at": Advice(
        "A one-off job needs the one time at which it runs.",
        "Write a date with a time. If the local time occurs twice, add the offset or fold; if the clock skips it, "
        "write another time.",
        "run_at: tomorrow",
        'run_at: "2099-04-01T09:00:00+09:00"',
    ),
    "invalid-target": Advice(
        "A file with a mistake changes no target: the service keeps the last valid targets.yaml.",
        "Write a mapping of names to objects with base_url, and what docs/targets.md lists.",
    ),
    "invalid-template": Advice(
        "What the template means is not known, so the job is not applied. Body, header values and URL are templates as "
        "soon as they contain {{.",
        "Write a name and filters as the page on manifests lists them; a literal {{ is written {{ '{{' }}.",
        'body: {day: "{{ schedule_at | date }}"}',
        """body: {day: "{{ scheduled_at | date('%Y-%m-%d') }}"}""",
    ),
    "invalid-text": Advice(
        "Half of a surrogate pair is not a character and can't be encoded as UTF-8.",
        "Write the whole character.",
    ),
    "invalid-timezone": Advice(
        "It is not known when the schedule is due. Abbreviations are not accepted, as different countries use the same "
        "one for different times.",
        "Write a name of the IANA database.",
        "timezone: JST",
        "timezone: Asia/Tokyo",
    ),
    "invalid-type": Advice(
        "Converting text to a number, or a number to text, would be a guess that goes wrong at some point.",
        "Write the type that the message asks for; numbers, true and false are written without quotes.",
        'max_retries: "3"',
        "max_retries: 3",
    ),
    "invalid-url": Advice(
        "It can't be called.",
        "Write http:// or https:// and a host without placeholders, and spaces as %20.",
        "target_url: api.example.com/run",
        "target_url: https://api.example.com/run",
    ),
    "invalid-value": Advice(
        "Such a value has no meaning, or would keep the service from its other work.",
        "Write one of the values that the message names.",
        "overlap: wait",
        "overlap: queue",
    ),
    "invalid-vars": Advice(
        "A file with a mistake changes no variable: the service keeps the last valid vars.yaml; if there never was "
        "one, jobs that use a variable wait until it is fixed.",
        "Write names of lower-case letters, digits and _, each with a text, a number, true or false.",
    ),
    "invalid-window": Advice(
        "No time is left in which the schedule could have a slot.",
        "Write an end_at that is later than start_at.",
        'start_at: "2026-05-01T00:00"\nend_at: "2026-04-01T00:00"',
        'start_at: "2026-05-01T00:00"\nend_at: "2099-04-01T00:00"',
    ),
    "json-in-text": Advice(
        "It is sent as a JSON string, in quotes and with escapes, but most targets expect the object itself.",
        "Write the value as YAML, neither in quotes nor as a block of text.",
        'body: \'{"report": "daily"}\'',
        "body: {report: daily}",
    ),
    "literal-credential": Advice(
        "Anyone who can read the repository, or its history, has the credential.",
        "Write ${secret:NAME} instead, and change the credential, as it is no longer secret.",
        "headers: {Authorization: Bearer 7fQ2mLx9Kp4vTz}",
        'headers: {Authorization: "Bearer ${secret:reports-token}"}',
    ),
    "look-alike-id": Advice(
        "Two jobs run although people see one: ids are compared character by character, so upper and lower case, full "
        "and half width, and composed and decomposed accents differ (macOS decomposes them in file names).",
        "Write the same id if one job is meant, otherwise ids that people can tell apart.",
        "job_id: report-a\n---\njob_id: report-Ａ",
        "job_id: report-a\n---\njob_id: report-b",
    ),
    "missing-field": Advice(
        "A job needs an id that identifies it, and a URL to call.",
        "Write the field; move a file that is not a manifest elsewhere.",
        'cron: "0 9 * * *"\ntarget_url: https://api.example.com/run',
        'job_id: report\ncron: "0 9 * * *"\ntarget_url: https://api.example.com/run',
    ),
    "more-problems": Advice(
        "Many problems in a file usually have one cause, which a longer list would only hide.",
        "Fix the problems that are listed, and validate again.",
    ),
    "never-runs": Advice(
        "The manifest looks as if the job would run, but it never does.",
        "Change the limits: a blackout that leaves some slots, or an end_at after the first slot.",
        'cron: "30 2 * * *"\nblackout: [{cron: "0 2 * * *", duration: PT1H}]',
        'cron: "30 3 * * *"\nblackout: [{cron: "0 2 * * *", duration: PT1H}]',
    ),
    "no-effect": Advice(
        "The author of the field expects something that will not happen.",
        "Remove the field, or write the schedule that it requires.",
        'cron: "*/5 * * * *"\ndst: {gap: skip}',
        'cron: "*/5 * * * *"',
    ),
    "no-run-found": Advice(
        "It is not known whether the job ever runs; a longer search would keep the service from its other work.",
        "Write fewer or simpler blackouts.",
    ),
    "not-a-manifest": Advice(
        "A file of another tool declares no job. If the file declared jobs before, these stay as they were.",
        "Name the file in .myschedulerignore, move it, or add the missing job_id and schedule.",
        "services: {db: {image: postgres}}",
        'job_id: report\ncron: "0 9 * * *"\ntarget_url: https://api.example.com/run',
    ),
    "not-a-mapping": Advice(
        "A job is a mapping of fields. Several jobs in a file are separate documents.",
        "Write the fields, with --- between two jobs.",
        'job_id: report\ncron: "0 9 * * *"\ntarget_url: https://api.example.com/run\n---\njust some text',
        'job_id: report\ncron: "0 9 * * *"\ntarget_url: https://api.example.com/run',
    ),
    "not-read": Advice(
        "Only files with names that end in .yaml or .yml, in lower case, are read, so the jobs of this one don't run.",
        "Rename the file, or name it in .myschedulerignore.",
    ),
    "not-utf8": Advice(
        "The encoding is not known; a guess would give jobs wrong names and send wrong bodies.",
        "Save the file as UTF-8.",
    ),
    "owned-by-api": Advice(
        "The job was created through the API, and a manifest must not take it over by accident.",
        "Write adopt: true to take it over, with its history and pause, or another job_id.",
    ),
    "reserved-header": Advice(
        "The written value is never sent, as the scheduler sends its own.",
        "Remove the header, or choose another name.",
        "headers: {X-MyScheduler-Job-Id: report}",
        "headers: {X-Job: report}",
    ),
    "retries-outlast-period": Advice(
        "The next slot may become due while an execution is still being retried; unless overlap says otherwise, it is "
        "skipped.",
        "Write fewer retries or a shorter timeout_sec, or set overlap to what should happen.",
        "interval: {minutes: 1}\ntimeout_sec: 60\nmax_retries: 3",
        "interval: {minutes: 1}\ntimeout_sec: 10\nmax_retries: 2",
    ),
    "run-at-past": Advice(
        "The manifest looks as if the job would run, but it never does.",
        "Write a later time, or remove the job.",
        'run_at: "2020-04-01T09:00:00+09:00"',
        'run_at: "2099-04-01T09:00:00+09:00"',
    ),
    "schedule": Advice(
        "With two schedules, or with fields of another one, it is not clear when the job runs.",
        "Write exactly one of cron, interval and run_at, with only the fields that belong to it.",
        'cron: "0 9 * * *"\ninterval: {hours: 1}',
        'cron: "0 9 * * *"',
    ),
    "secret-in-host": Advice(
        "Everyone who reads the manifest must see where the call goes, and the policy has to check it.",
        "Write out scheme, host and port; user, password, path and query may contain references.",
        "target_url: https://${secret:host}/run",
        "target_url: https://api.example.com/run?key=${secret:key}",
    ),
    "secret-not-allowed": Advice(
        "Otherwise, anyone who may call the API could send any secret to their own server.",
        "Declare the job in a manifest, or have it granted in api_secrets of policy.yaml, with your scope if any.",
    ),
    "target-not-allowed": Advice(
        "Otherwise, anyone who may call the API could reach everything that the service reaches.",
        "Declare the job in a manifest, or have the target added to api_private_networks or api_private_hosts in "
        "policy.yaml.",
    ),
    "template-in-host": Advice(
        "Which host a job calls has to be known before it is called, so that reviewers and the policy can judge it.",
        "Spell scheme, host and port out, or use a variable of vars.yaml.",
        'target_url: "https://{{ job.id }}.example.com/run"',
        "target_url: https://daily.example.com/run",
    ),
    "too-large": Advice(
        "The service checks all jobs in each pass, so the size of a job is limited.",
        "Write less: keep large data where the target can fetch it, and send the address of the data.",
    ),
    "unknown-calendar": Advice(
        "It is not known on which days the job runs.",
        "Write a name that is in calendars.yaml, or add the calendar there.",
        "calendar: {name: head-ofice, only: business_days}",
        "calendar: {name: head-office, only: business_days}",
    ),
    "unknown-channel": Advice(
        "Nobody would be told of trouble with the job where its author expects it.",
        "Write a name that is in notifications.yaml, or add the channel there.",
        "notify: {channels: [opps]}",
        "notify: {channels: [ops]}",
    ),
    "unknown-key": Advice(
        "If unknown keys were ignored, a mistyped one would silently have no effect.",
        "Write the key as it is documented; put free-form data into labels.",
        "max_retry: 3",
        "max_retries: 3",
    ),
    "unknown-secret": Advice(
        "Without its secret nothing is sent: each execution fails.",
        "Write the name of a secret that exists, or create the secret before this is merged.",
        'headers: {Authorization: "Bearer ${secret:reports-tokn}"}',
        'headers: {Authorization: "Bearer ${secret:reports-token}"}',
    ),
    "unknown-target": Advice(
        "Nothing says where the job's calls go, so the job is not applied.",
        "Write the name of a target of targets.yaml, or add it there.",
    ),
    "unknown-variable": Advice(
        "Nothing says what stands in place of the variable, so the job is not applied.",
        "Define it in vars.yaml, or by an environment variable MYSCHEDULER_VAR_NAME of the service and of validate; or "
        "write | default('…').",
        'target_url: "https://api.example.com/{{ vars.tenant }}/run"',
        """target_url: "https://api.example.com/{{ vars.tenant | default('main') }}/run\"""",
    ),
    "unreadable": Advice(
        "An unreadable file is not treated as empty: its jobs stay as they were, and no change to them is applied.",
        "Fix the permissions, or what else the message names.",
    ),
    **CONTRACT_ADVICE,
    **YAML_ADVICE,
}
"""For each of `RULES`, why it matters and how to fix a finding."""

ADVICE: Mapping[str, Advice] = {rule: _ADVICE[rule] for rule in RULES}
"""In the order of the rules."""
