// Days of a zone. They have 23 to 25 hours where clocks change, so a day is never 24 hours "later".

import { instantOf, wallTime } from "./times.js";

const DAY_MS = 86_400_000;

/**
 * The day in a zone: "2026-11-30".
 * @param {number} at
 * @param {string} zone
 */
export function dayOf(at, zone) {
  return wallTime(at, zone).slice(0, 10);
}

/**
 * @param {string} date "2026-11-30"
 * @param {number} days how many later
 */
export function dayAfter(date, days = 1) {
  return new Date(Date.parse(`${date}T00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/**
 * When a day begins and ends in a zone, in milliseconds since 1970; `change` is by how much clocks go forward within it.
 * @param {string} date
 * @param {string} zone
 */
export function bordersOf(date, zone) {
  const [start, end] = [date, dayAfter(date)].map((one) => instantOf(`${one}T00:00`, zone));
  return { start, end, change: DAY_MS - (end - start) };
}

/** @param {string} text whether it is a day, as in the URL, of a year with four digits, as are the days beside it */
export function isDay(text) {
  return /^[1-9]\d{3}-\d\d-\d\d$/.test(text) && text < "9999-12" && !Number.isNaN(Date.parse(`${text}T00:00Z`));
}
