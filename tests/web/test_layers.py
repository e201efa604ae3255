"""Where the boxes of a graph stand and how its edges go: laws of the layout, which Deno computes as a browser does."""

import itertools
import json
import os
import subprocess
import sys
from collections import defaultdict
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.support.checkout import ROOT
from tests.support.patience import PATIENCE

LAYERS = ROOT / "myscheduler/web/static/plots/layers.js"
LETTERS = ROOT / "myscheduler/web/static/plots/letters.js"
SIZE = 60
Graph = dict[str, list[dict[str, Any]]]


def evaluated(program: str) -> Any:
    """What a program prints as JSON."""
    tool = Path(sys.executable).parent / "deno"
    environment = {**os.environ, "DENO_NO_UPDATE_CHECK": "1", "DENO_DIR": str(Path.cwd() / "deno"), "NO_COLOR": "1"}
    arguments = ["eval", "--no-remote", "--no-npm", "--no-config", "--ext=js", program]
    done = subprocess.run(
        [tool, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@cache
def laid_out(name: str) -> dict[str, Any]:
    """The layout of one of `GRAPHS`, computed twice in a row."""
    program = (
        f'import {{ layout }} from "{LAYERS.as_uri()}";'
        f"const {{ boxes, arcs }} = {json.dumps(GRAPHS[name])};"
        "const found = [0, 1].map(() => { const one = layout(boxes, arcs);"
        " return { ...one, places: Object.fromEntries(one.places) }; });"
        "console.log(JSON.stringify(found));"
    )
    first, second = evaluated(program)
    assert first == second
    return dict(first)


def graph(count: int, edges: list[tuple[int, int]], seed: int = 0) -> Graph:
    rng = Random(seed)  # noqa: S311 - to be the same each time
    boxes = [{"id": f"n{number}", "width": rng.randint(96, 216)} for number in range(count)]
    arcs = [{"from": f"n{a}", "to": f"n{b}", "port": rng.choice([-13, 0, 13])} for a, b in edges]
    return {"boxes": boxes, "arcs": arcs}


def some(seed: int, reach: int) -> Graph:
    """60 jobs, each after up to three of the `reach` before it."""
    rng = Random(seed)  # noqa: S311 - to be the same each time
    edges = [
        (parent, child)
        for child in range(1, SIZE)
        for parent in rng.sample(range(max(0, child - reach), child), min(rng.choice([1, 1, 2, 3]), child))
    ]
    return graph(SIZE, edges, seed)


FAN = [(0, one) for one in range(1, SIZE - 1)] + [(one, SIZE - 1) for one in range(1, SIZE - 1)]
GRAPHS = {
    **{f"wide-{seed}": some(seed, SIZE) for seed in range(4)},
    **{f"deep-{seed}": some(seed, 6) for seed in range(4)},
    "fan": graph(SIZE, FAN),
    "ladder": graph(SIZE, [(a, b) for a in range(SIZE - 2) for b in (a + 1, a + 2)]),
    "one": graph(1, []),
    "none": graph(0, []),
    "apart": graph(4, [(0, 1), (2, 3)]),
    "back": graph(4, [(0, 1), (1, 2), (2, 3), (3, 1)]),
}


@pytest.fixture(params=GRAPHS)
def case(request: pytest.FixtureRequest) -> tuple[Graph, dict[str, Any]]:
    return GRAPHS[request.param], laid_out(request.param)


def test_no_boxes_overlap_and_all_are_within_the_picture(case: tuple[Graph, dict[str, Any]]) -> None:
    given, found = case
    boxes = list(found["places"].values())
    assert len(boxes) == len(given["boxes"])
    for one in boxes:
        assert one["x"] >= 0
        assert one["y"] >= -1e-6
        assert one["x"] + one["width"] <= found["width"] + 1e-6
        assert one["y"] + one["height"] <= found["height"] + 1e-6
    for one, other in itertools.combinations(boxes, 2):
        is_apart = one["x"] + one["width"] < other["x"] or other["x"] + other["width"] < one["x"]
        if not is_apart:
            upper, lower = sorted([one, other], key=lambda box: float(box["y"]))
            assert upper["y"] + upper["height"] + 8 <= lower["y"]


def test_each_edge_begins_right_of_its_job_and_ends_left_of_the_next(case: tuple[Graph, dict[str, Any]]) -> None:
    given, found = case
    assert len(found["routes"]) == len(given["arcs"])
    for arc, route in zip(given["arcs"], found["routes"], strict=True):
        begin, end = found["places"][arc["from"]], found["places"][arc["to"]]
        assert route[0] == [begin["x"] + begin["width"], begin["y"] + begin["height"] / 2 + arc["port"]]
        assert route[-1][0] == end["x"]
        assert end["y"] < route[-1][1] < end["y"] + end["height"]


def test_edges_go_to_the_right_and_through_no_box(case: tuple[Graph, dict[str, Any]]) -> None:
    given, found = case
    for arc, route in zip(given["arcs"], found["routes"], strict=True):
        if int(arc["from"][1:]) < int(arc["to"][1:]):
            assert found["places"][arc["from"]]["layer"] < found["places"][arc["to"]]["layer"]
            assert [x for x, _ in route] == sorted(x for x, _ in route)
        for x, y in route[1:-1]:
            for box in found["places"].values():
                is_beside = box["x"] <= x <= box["x"] + box["width"]
                assert not (is_beside and box["y"] <= y <= box["y"] + box["height"]), (arc, box)


def test_no_job_stands_further_right_than_its_longest_way_needs(case: tuple[Graph, dict[str, Any]]) -> None:
    given, found = case
    depth: dict[str, int] = {}
    for box in given["boxes"]:
        before = [arc["from"] for arc in given["arcs"] if arc["to"] == box["id"] and arc["from"] in depth]
        depth[box["id"]] = 1 + max((depth[one] for one in before), default=-1)
    assert {name: place["layer"] for name, place in found["places"].items()} == depth


def test_fewer_edges_cross_than_in_the_given_order(case: tuple[Graph, dict[str, Any]]) -> None:
    _, found = case
    assert found["crossings"] <= found["naive"]


@pytest.mark.parametrize("name", [name for name in GRAPHS if name.startswith(("wide", "deep"))])
def test_it_is_worth_it(name: str) -> None:
    found = laid_out(name)
    assert found["crossings"] < 0.6 * found["naive"]
    assert found["crossings"] == crossings(GRAPHS[name], found)


def test_a_fan_and_a_chain_cross_nothing() -> None:
    assert laid_out("fan")["crossings"] == 0
    assert laid_out("apart")["crossings"] == 0


def crossings(given: Graph, found: dict[str, Any]) -> int:
    """How many pairs of edges change their order between two columns, counted from the points of the picture."""
    between = defaultdict[int, list[tuple[float, float]]](list)
    for arc, route in zip(given["arcs"], found["routes"], strict=True):
        begin, end = (found["places"][arc[side]] for side in ("from", "to"))
        tops = [begin["y"], *(y - begin["height"] / 2 for _, y in route[1:-1:2]), end["y"]]
        for step, pair in enumerate(itertools.pairwise(tops)):
            between[begin["layer"] + step].append(pair)
    return sum(
        (a[0] - b[0]) * (a[1] - b[1]) < 0
        for pairs in between.values()
        for a, b in itertools.combinations([(round(x, 3), round(y, 3)) for x, y in pairs], 2)
    )


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("short", 100, "short"),
        ("a-name-that-is-much-too-long-for-this", 100, "a-name-that-i…"),
        ("会計システム月次締め処理とその検証", 100, "会計システム…"),
        ("", 10, ""),
    ],
)
def test_names_are_shortened_by_the_room_that_they_take(text: str, width: int, expected: str) -> None:
    program = f'import {{ shortened }} from "{LETTERS.as_uri()}"; console.log(JSON.stringify(shortened('
    assert evaluated(f"{program}{json.dumps(text)}, {width}, 13)));") == expected
