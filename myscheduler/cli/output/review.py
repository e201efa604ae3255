"""Writes the review of a plan as text, for a terminal, and as Markdown, for a comment on a pull request."""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import zip_longest
from typing import Any

import click

from myscheduler.cli.manifests import counted
from myscheduler.core.findings.problem import Severity, printable
from myscheduler.core.gitops.chain_review import RootChange
from myscheduler.core.gitops.review import Review, ReviewAction, Reviewed, RunTimes
from myscheduler.core.lifecycle.edge_diff import EdgeChange
from myscheduler.core.lifecycle.spec_diff import FieldChange
from myscheduler.core.source.snapshot import ACCESS, NOTIFICATIONS, POLICY, VARS

_SIGNS: dict[ReviewAction, tuple[str, str]] = {
    "create": ("+", "green"),
    "update": ("~", "yellow"),
    "delete": ("-", "red"),
    "held": ("!", "red"),
    "conflict": ("!", "red"),
}
_DONE: dict[ReviewAction, str] = {
    "create": "to create",
    "update": "to update",
    "delete": "to delete",
    "held": "held",
    "conflict": "in conflict",
}
LONGEST_VALUE = 200
LONGEST_TABLE = 20_000
LONGEST_DETAILS = 35_000
LONGEST_ROOTS = 5_000
"""Limits in characters; a comment on GitHub may have 65,536."""


def as_text(review: Review) -> Iterator[str]:
    """The lines of the review, with colours, which click removes where the output is not a terminal."""
    for change in review.changes:
        yield from _text_of(change)
        yield ""
    if review.roots:
        yield "Chains begin elsewhere:"
        yield from (f"    {printable(_root(one))}" for one in review.roots)
        yield ""
    if review.blocked:
        yield click.style(f"Blocked: {printable(_blocked(review))}", fg="red")
    for warning in _kept(review):
        yield click.style(warning, fg="red")
    yield summary(review)


_KEPT = {
    POLICY: "the service keeps its last valid rules, and holds jobs that they forbid",
    ACCESS: "the service keeps its last valid tokens and issuers",
    NOTIFICATIONS: "the service keeps its last valid channels and routes",
    VARS: "the service keeps its last valid variables",
}
"""What an error in a reserved file means, by its name."""


def _kept(review: Review) -> Iterator[str]:
    wrong = {one.path.rpartition("/")[2] for one in review.problems if one.severity is Severity.ERROR}
    yield from (f"{name} has errors: {meaning}" for name, meaning in _KEPT.items() if name in wrong)


def summary(review: Review) -> str:
    """The counts of changes in one line."""
    counts = [f"{review.count(action)} {done}" for action, done in _DONE.items() if review.count(action)]
    counted_starts = f"; starts a day of these jobs: {_starts(review)}" if review.has_changes else ""
    return f"Plan: {', '.join([*(counts or ['no changes']), f'{review.unchanged} unchanged'])}{counted_starts}"


def _starts(review: Review) -> str:
    return f"{review.starts_per_day('before'):g} → {review.starts_per_day('after'):g}"


def _blocked(review: Review) -> str:
    if review.blocked is None:
        return ""
    return (
        f"{review.blocked.reason}. Nothing is deleted until it is approved: "
        f"myscheduler sync --approve {review.blocked.digest}"
    )


def _text_of(change: Reviewed) -> Iterator[str]:
    sign, colour = _SIGNS[change.action]
    named = f"{click.style(f'{sign} {change.action}', fg=colour)} {click.style(printable(change.job_id), bold=True)}"
    yield f"{named}  {printable(change.place)}{' (blocked)' if change.is_blocked else ''}"
    yield from (click.style(f"    {printable(note)}", fg="cyan") for note in change.notes)
    yield from (f"    {printable(_edge(one))}" for one in change.edges)
    if change.action == "delete":
        yield from _column("runs until now", change.before)
        return
    in_words = ("cron", "clock", "interval.", "run_at", "timezone") if change.action == "create" else ()
    shown = (one for one in change.fields if not one.field.startswith(in_words))
    yield from (f"    {printable(_field(one))}" for one in shown)
    if change.before and change.after and change.moves_in_time:
        yield from _both(change.before, change.after)
    elif change.before and change.after:
        yield from _unmoved(change.before, change.after)
    else:
        yield from _column("runs", change.after)


def _edge(one: EdgeChange) -> str:
    named = f"{one.parent} → {one.child}"
    word = "on" if one.kind == "after" else "within"
    if one.before is None:
        return f"{named} {word} {one.after}: new"
    if one.after is None:
        return f"{named} {word} {one.before}: removed"
    return f"{named} {word} {one.before}: {word} {one.after} from now on"


def _root(one: RootChange) -> str:
    before, after = (" or ".join(side) or "nothing" for side in (one.before, one.after))
    return f"{one.job_id} is started by the schedule of {after}, not of {before}"


def _field(one: FieldChange) -> str:
    if one.before is None:
        return f"{one.field}: {_value(one.after)}"
    if one.after is None:
        return f"{one.field}: {_value(one.before)} → (removed)"
    return f"{one.field}: {_value(one.before)} → {_value(one.after)}"


def _value(value: Any) -> str:
    """A value as JSON, shortened."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}… ({counted(len(text), 'character')})"


def _column(title: str, times: RunTimes | None) -> Iterator[str]:
    if times is None:
        return
    yield f"    {title} {_words(times)}"
    yield from (f"      {_shown(at)}" for at in times.fire_times()) if times.fires else _none(times)


def _none(times: RunTimes) -> list[str]:
    """What stands for the times of a job that has none: one that runs after others may run at any time."""
    return [] if _follows(times) else ["      no further runs"]


def _follows(times: RunTimes) -> bool:
    return times.parts["kind"] == "after"


def _keeps(before: RunTimes, after: RunTimes) -> bool:
    return not _follows(after) or before.words == after.words


def _unmoved(before: RunTimes, after: RunTimes) -> Iterator[str]:
    """A job that runs after others has no times, so that these stay the same says nothing of when it runs."""
    if not _follows(after):
        yield click.style("    runs at the same times as before", dim=True)
    elif before.words == after.words:
        yield click.style("    runs after the same jobs as before", dim=True)
    else:
        yield from (f"    ran  {_words(before)}", f"    runs {_words(after)}")


def _both(before: RunTimes, after: RunTimes) -> Iterator[str]:
    yield f"    ran  {_words(before)}"
    yield f"    runs {_words(after)}"
    pairs = zip_longest(before.fire_times(), after.fire_times())
    none = "".join(_none(after)).strip()
    rows = [(_shown(old) if old else "", _shown(new) if new else none) for old, new in pairs]
    width = max((len(old) for old, _ in rows), default=0)
    yield f"      {'before':{width}}     after"
    yield from (f"      {old:{width}}  →  {new}" for old, new in rows)


def _words(times: RunTimes) -> str:
    often = "" if _follows(times) else f", {times.starts_per_day:g} a day"
    return printable(f"{times.words}  [{times.timezone}]{often}")


def _shown(at: str) -> str:
    moment = datetime.fromisoformat(at)
    return f"{moment:%a %Y-%m-%d %H:%M:%S} {at[-6:]}"


def as_markdown(review: Review) -> str:
    """A comment for a pull request: the counts, a table of the changes, and collapsed details."""
    lines = [f"### {summary(review)}", ""]
    if review.blocked:
        lines += [f"> **Blocked:** {_escaped(_blocked(review))}", ""]
    for warning in _kept(review):
        lines += [f"> {_escaped(warning)}", ""]
    errors = [problem for problem in review.problems if problem.severity is Severity.ERROR]
    if errors:
        lines += [f"**{counted(len(errors), 'problem')}**", "", *(f"- {_escaped(str(one))}" for one in errors), ""]
    warnings = len(review.problems) - len(errors)
    if warnings:
        lines += [f"{counted(warnings, 'warning')}: `myscheduler validate` shows them.", ""]
    if review.changes:
        lines += ["| | Job | Declared in | Runs before | Runs after | Starts a day |", "|---|---|---|---|---|---|"]
        lines += [*_within(LONGEST_TABLE, ([_row(change)] for change in review.changes), "| … | {} more | | | | |"), ""]
        lines += _within(LONGEST_DETAILS, (list(_details(change)) for change in review.changes), "… and {} more")
    if review.roots:
        lines += [""] if lines[-1] else []
        roots = ([f"- {_escaped(_root(one))}"] for one in review.roots)
        lines += ["**Chains begin elsewhere**", "", *_within(LONGEST_ROOTS, roots, "- … and {} more")]
    return "\n".join(lines).rstrip()


def _within(limit: int, parts: Iterable[list[str]], more: str) -> Iterator[str]:
    """The parts that fit into `limit` characters, and a line that says how many were left out."""
    left_out = 0
    for lines in parts:
        limit -= sum(len(line) + 1 for line in lines)
        if limit >= 0:
            yield from lines
        else:
            left_out += 1
    if left_out:
        yield more.format(f"{left_out:,}")


def _row(change: Reviewed) -> str:
    before, after = change.before, change.after
    cells = [
        f"{change.action}{' (blocked)' if change.is_blocked else ''}",
        change.job_id,
        change.place,
        before.words if before else "",
        ("the same" if before and not change.moves_in_time and _keeps(before, after) else after.words) if after else "",
        f"{before.starts_per_day if before else 0:g} → {after.starts_per_day if after else 0:g}"
        if before or after
        else "",
    ]
    return f"| {' | '.join(_escaped(cell) for cell in cells)} |"


def _details(change: Reviewed) -> Iterator[str]:
    text = [click.unstyle(line) for line in _text_of(change)]
    if len(text) < 2:
        return
    fence = "`" * max(3, 1 + max(_longest_ticks(line) for line in text))
    yield f"<details><summary>{_escaped(change.action)} {_escaped(change.job_id)}</summary>"
    yield from ("", f"{fence}text", *text, fence, "", "</details>", "")


def _longest_ticks(line: str) -> int:
    longest = run = 0
    for char in line:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    return longest


def _escaped(text: str) -> str:
    """Escape what Markdown or HTML would treat as markup: a job may have any name."""
    return printable(text).translate(_ENTITIES)


_ENTITIES = {ord(mark): f"&#{ord(mark)};" for mark in "&\\`*_{}[]<>#|@~"}
