"""The graph of jobs as text: for Mermaid, for Graphviz (DOT), and as JSON."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from myscheduler.core.chains.graph import Graph

_LABELS = {"success": "", "failure": "failure", "always": "always"}
"""What is written at an edge; the usual one has no label."""


def connected(graph: Graph, job_id: str) -> set[str]:
    """The job, and all that are connected with it by edges in any direction."""
    found, left = {job_id}, [job_id]
    while left:
        one = left.pop()
        around = {*graph.children(one), *graph.parents(one)} - found
        found |= around
        left += around
    return found


def as_json(graph: Graph, names: Mapping[str, str], job_ids: Iterable[str]) -> dict[str, Any]:
    """The jobs (`job_id`, `name`, `join`) and the edges between them (`from`, `to`, `on`)."""
    wanted = sorted(job_ids)
    jobs = [{"job_id": one, "name": names.get(one, one), "join": _join(graph, one)} for one in wanted]
    edges = [{"from": parent, "to": child, "on": on} for parent, child, on in _edges(graph, wanted)]
    return {"jobs": jobs, "edges": edges}


def as_mermaid(graph: Graph, job_ids: Iterable[str]) -> str:
    """A flowchart in Mermaid, which GitHub and GitLab draw in a Markdown file."""
    wanted = sorted(job_ids)
    keys = {one: f"j{number}" for number, one in enumerate(wanted)}
    nodes = [f'  {keys[one]}["{_mermaid_text(_title(graph, one))}"]' for one in wanted]
    edges = [
        f"  {keys[parent]} {f'-->|{_LABELS[on]}|' if _LABELS[on] else '-->'} {keys[child]}"
        for parent, child, on in _edges(graph, wanted)
    ]
    return "\n".join(["flowchart LR", *nodes, *edges, ""])


def as_dot(graph: Graph, job_ids: Iterable[str]) -> str:
    """A digraph in DOT, the language of Graphviz."""
    wanted = sorted(job_ids)
    nodes = [f"  {_dot_text(one)} [label={_dot_text(_title(graph, one))}];" for one in wanted]
    edges = [
        f"  {_dot_text(parent)} -> {_dot_text(child)}{f' [label={_dot_text(_LABELS[on])}]' if _LABELS[on] else ''};"
        for parent, child, on in _edges(graph, wanted)
    ]
    return "\n".join(["digraph chains {", "  rankdir=LR;", "  node [shape=box];", *nodes, *edges, "}", ""])


def _edges(graph: Graph, job_ids: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """The edges to these jobs: from where, to where, and on which outcome."""
    for one in job_ids:
        after = graph.afters.get(one)
        for edge in after.edges if after else ():
            yield edge.job, one, edge.on


def _join(graph: Graph, job_id: str) -> str | None:
    after = graph.afters.get(job_id)
    return after.join if after and len(after.edges) > 1 else None


def _title(graph: Graph, job_id: str) -> str:
    return f"{job_id} (any)" if _join(graph, job_id) == "any" else job_id


_MERMAID = {'"': "#quot;", "#": "#35;", "<": "#lt;", ">": "#gt;", "&": "#amp;", "`": "#96;", "\\": "#92;"}


def _mermaid_text(text: str) -> str:
    return "".join(_MERMAID.get(letter, letter) for letter in text)


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
