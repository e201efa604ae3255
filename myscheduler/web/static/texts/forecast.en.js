// The texts of the forecast in English.

import { plural } from "../en.js";

export const text = {
  "forecast.advice": "A jitter that helps",
  "forecast.again": "Also {times}{more}",
  "forecast.by": "{starts} starts by {jobs} jobs",
  "forecast.counting": "Counting the starts to come…",
  "forecast.days": "How far ahead",
  "forecast.empty": "No calls to come",
  "forecast.empty-text": "No job is due in this time. Paused jobs are left out.",
  "forecast.hosts": "Hosts",
  "forecast.in-flight": "In flight, of the most",
  "forecast.jitter": "With a jitter of {jitter} on {jobs} jobs, the worst minute has {leaves} starts in place of {peak}. Write into their manifests:",
  "forecast.jitter-short": "{jitter} leaves {leaves} a minute",
  "forecast.jobs": "Jobs",
  "forecast.missed": "Missed, as they wait longer than their grace: {count}",
  "forecast.n-days": plural("1 day", "{count} days"),
  "forecast.needs": "{starts} calls need {time}",
  "forecast.no-worst": "None of the worst minutes is in this hour.",
  "forecast.of": "{value} of {most}",
  "forecast.peak": "Worst minute",
  "forecast.per-sec": "Calls a second in the worst minute, of the rate",
  "forecast.question": "When is {host} called most? The most starts in a minute, by day and hour",
  "forecast.target": "Target",
  "forecast.targets": "Targets with limits",
  "forecast.what": "The starts to come, for the stored jobs. Days and hours are those of the service's zone. Choose an hour to see its worst minutes.",
  "forecast.worst": "The worst minutes",
  "forecast.worst-of": "The worst minutes of {hour}",
  "heat.day": "Day",
  "heat.peak": plural("1 start in its worst minute", "{count} starts in its worst minute"),
};
