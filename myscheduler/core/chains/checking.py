"""What is wrong with the links between jobs, beyond what one job alone tells."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import and_, or_

from myscheduler.core.bounds import MOST_PROBLEMS
from myscheduler.core.chains.graph import DEEPEST, Graph, by_depth
from myscheduler.core.chains.links import Links
from myscheduler.core.findings.problem import Loc, did_you_mean, shown
from myscheduler.messages.message import said

_LONGEST_PATH = 12
"""The most jobs of a cycle that a message names."""


@dataclass(frozen=True, slots=True)
class ChainFault:
    """What is wrong with the links of one job."""

    job_id: str
    rule: str
    loc: Loc
    message: str


def chain_faults(
    links: Mapping[str, Links], *, exists: Callable[[str], bool], ids: Collection[str], place_of: Callable[[str], str]
) -> Iterator[ChainFault]:
    """The faults of all jobs with links. `exists` says whether a job may be linked to, whatever its own state; `ids`
    are those of jobs of which everything is known. `place_of` returns a job's file and line for a message.
    """
    graph = Graph({job_id: one.after for job_id, one in links.items() if one.after is not None})
    for job_id, one in links.items():
        yield from _unknown(job_id, one, exists, ids)
        yield from _not_extracted(job_id, one, links, ids)
    yield from cycle_faults(graph, in_cycles(graph), place_of)
    yield from _too_deep(graph)
    yield from _without_root(graph, ids)


def _unknown(job_id: str, links: Links, exists: Callable[[str], bool], ids: Collection[str]) -> Iterator[ChainFault]:
    after = links.after.jobs if links.after else ()
    for field, jobs in (("after", after), ("requires", links.requires)):
        for number, one in enumerate(jobs):
            if not exists(one):
                message = said("chain-unknown", job_id=shown(one), hint=did_you_mean(one, ids))
                yield ChainFault(job_id, "chain-unknown", (field, number, "job"), message)


def _not_extracted(
    job_id: str, links: Links, of_all: Mapping[str, Links], ids: Collection[str]
) -> Iterator[ChainFault]:
    parents = links.after.jobs if links.after else ()
    for parent, name in links.uses:
        if parent not in parents or parent not in ids:
            continue  # that has its own complaint
        known = of_all[parent].extracts if parent in of_all else ()
        if name not in known:
            code = "chain-not-extracted" if known else "chain-nothing-extracted"
            message = said(code, job_id=shown(parent), name=shown(name), known=", ".join(known))
            yield ChainFault(job_id, "chain-value", ("after", parents.index(parent), "job"), message)


def in_cycles(graph: Graph) -> dict[str, str]:
    """The jobs in cycles; those in cycles with each other have the same one of them as a value."""
    jobs = _jobs(graph)
    left = jobs - {job_id for job_id, _ in by_depth(graph, jobs)}
    found: dict[str, str] = {}
    for first in reversed(_finished(graph, left)):
        if first not in found:
            found[first] = first
            waiting = [first]
            while waiting:
                new = [one for one in graph.children(waiting.pop()) if one in left and one not in found]
                found |= dict.fromkeys(new, first)
                waiting += new
    counts = Counter(found.values())
    return {job_id: first for job_id, first in found.items() if counts[first] > 1}


def _finished(graph: Graph, jobs: Collection[str]) -> list[str]:
    """These jobs in the order in which a search upwards leaves them, as the algorithm of Kosaraju needs them."""
    found: list[str] = []
    seen: set[str] = set()
    for start in jobs:
        way = [(start, iter(graph.parents(start)))] if start not in seen else []
        seen.add(start)
        while way:
            job_id, parents = way[-1]
            following = next((one for one in parents if one in jobs and one not in seen), None)
            if following is None:
                found.append(job_id)
                way.pop()
            else:
                seen.add(following)
                way.append((following, iter(graph.parents(following))))
    return found


def cycle_faults(graph: Graph, cyclic: Mapping[str, str], place_of: Callable[[str], str]) -> Iterator[ChainFault]:
    """A fault of each job in a cycle; `cyclic` are those. It names a shortest way around, and the places."""
    paths: dict[str, list[str]] = {}
    for job_id in sorted(cyclic):
        knot = cyclic[job_id]
        own = _cycle_of(graph, job_id, cyclic) if len(paths) < MOST_PROBLEMS or knot not in paths else paths[knot]
        paths[job_id] = paths[knot] = own
        named = [_named(one, place_of) for one in own[:_LONGEST_PATH]]
        words = " <- ".join([*named, *(["…"] if len(own) > _LONGEST_PATH else []), shown(own[0])])
        of_knot = [cyclic.get(one) == knot for one in graph.parents(job_id)]
        number = graph.parents(job_id).index(own[1]) if own[0] == job_id else of_knot.index(True)
        yield ChainFault(job_id, "chain-cycle", ("after", number, "job"), said("chain-cycle", path=words))


def _cycle_of(graph: Graph, job_id: str, cyclic: Collection[str]) -> list[str]:
    """A shortest way from the job up to itself, beginning with it."""
    before: dict[str, str] = {}
    level = [job_id]
    while level and job_id not in before:
        following = []
        for one in level:
            for parent in graph.parents(one):
                if parent in cyclic and parent not in before and parent != one:  # that has its own complaint
                    before[parent] = one
                    following.append(parent)
        level = following
    path = [job_id]
    while (one := before[path[-1]]) != job_id:
        path.append(one)
    return [job_id, *reversed(path[1:])]


def _named(job_id: str, place_of: Callable[[str], str]) -> str:
    place = place_of(job_id)
    return f"{shown(job_id)} ({place})" if place else shown(job_id)


def _too_deep(graph: Graph) -> Iterator[ChainFault]:
    for job_id, depth in by_depth(graph, _jobs(graph)):
        if depth > DEEPEST:
            yield ChainFault(job_id, "chain-depth", ("after",), said("chain-too-deep", depth=depth, most=DEEPEST))


def _without_root(graph: Graph, ids: Collection[str]) -> Iterator[ChainFault]:
    """Joins of jobs that no chain has both of, as far as all jobs above them are known and in no cycle."""
    roots = _roots(graph, ids)
    for job_id, after in graph.afters.items():
        found = [(one, roots[one]) for one in after.jobs if one in roots] if after.join == "all" else []
        if len(found) < max(2, len(after.jobs)) or reduce(and_, (bits for _, bits in found)):
            continue
        (first, _), (second, _) = next(
            (pair for pair in combinations(found, 2) if not pair[0][1] & pair[1][1]), found[:2]
        )
        message = said("chain-no-common-root", first=shown(first), second=shown(second))
        yield ChainFault(job_id, "chain-root", ("after",), message)


def _roots(graph: Graph, ids: Collection[str]) -> dict[str, int]:
    """The jobs with which chains begin that reach a job, each a bit; of jobs above which all are known."""
    roots: dict[str, int] = {}
    count = 0
    for job_id, _ in by_depth(graph, _jobs(graph)):
        if job_id not in ids:
            continue
        parents = graph.parents(job_id)
        if not parents:
            roots[job_id] = 1 << count
            count += 1
        elif all(one in roots for one in parents):
            roots[job_id] = reduce(or_, (roots[one] for one in parents))
    return roots


def _jobs(graph: Graph) -> set[str]:
    return {one for job_id, after in graph.afters.items() for one in (job_id, *after.jobs)}
