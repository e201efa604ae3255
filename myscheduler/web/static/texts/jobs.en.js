// The texts of the list of jobs in English.

import { plural } from "../en.js";

export const text = {
  "bulk.effect-pause": plural("This job will not run until it is resumed:", "These {count} jobs will not run until they are resumed:"),
  "bulk.effect-resume": plural("This job will run on schedule again:", "These {count} jobs will run on schedule again:"),
  "bulk.effect-trigger": plural("This job will run now, once:", "These {count} jobs will run now, once each:"),
  "bulk.result": "{done} done, {skipped} unchanged, {refused} refused",
  "bulk.selected": plural("1 job selected", "{count} jobs selected"),
  "bulk.title-pause": plural("Pause 1 job?", "Pause {count} jobs?"),
  "bulk.title-resume": plural("Resume 1 job?", "Resume {count} jobs?"),
  "bulk.title-trigger": plural("Run 1 job now?", "Run {count} jobs now?"),
  "bulk.too-many": "Select at most {most} jobs",
  "jobs.count": "{shown} of {total} jobs",
  "jobs.filter": "Filter: id, name, URL or label",
  "jobs.last": "Last runs",
  "jobs.loading": "Reading jobs… {count}",
  "jobs.next": "Next run",
  "jobs.no-match": "No job matches",
  "jobs.no-match-text": "{total} jobs are hidden by the filter.",
  "jobs.schedule": "Schedule",
  "jobs.select": "Select {job}",
  "jobs.select-shown": "Select the {count} jobs that match",
  "jobs.sort": "Sort by",
  "jobs.sort-failing_since": "Failing for longest",
  "jobs.sort-id": "Id",
  "jobs.sort-last_run": "Last run",
  "jobs.sort-next_run": "Next run",
  "strip.empty": "no runs yet",
  "strip.label": "the last {count} results, {bad} failed",
};
