"""The benchmarks of calls at a steady rate, with tiny sizes, and the parts that they share."""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import aiohttp
import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.comparison import CONTENDERS, Trial, table
from benchmarks.errors import BenchmarkError
from benchmarks.parts import divided, part_of
from benchmarks.processes import family, open_files, processor_seconds, thread_seconds
from benchmarks.sink import running_sink
from benchmarks.yardstick import FINE, STEP, next_number, search
from tests.support.checkout import ROOT

RUN_SEC = 600
PNG = b"\x89PNG\r\n\x1a\n"
COMMAND = re.compile(r"python -m benchmarks(\.[a-z_]+)?((?: --?[a-z][^`\s]*(?: [^`\s-][^`\s]*)?)*)")

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="there is no /proc")


def _benchmark(name: str, *options: str) -> str:
    command = (sys.executable, "-m", f"benchmarks.{name}", *options)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=RUN_SEC, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _rows(text: str) -> dict[str, list[str]]:
    """The rows of a table in Markdown: what stands in the first column, and the other cells."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("|")]
    return {title: others for title, *others in cells[2:]}


@needs_proc
def test_the_service_is_compared_with_a_yardstick(tmp_path: Path) -> None:
    found = json.loads(_benchmark("yardstick", "--quick", "--format", "json", "--out", str(tmp_path)))
    assert {path.name for path in tmp_path.iterdir()} == {"yardstick.json", "yardstick.txt", "yardstick.png"}
    assert found == json.loads((tmp_path / "yardstick.json").read_text(encoding="utf-8"))
    assert (tmp_path / "yardstick.png").read_bytes().startswith(PNG)
    rows = _rows((tmp_path / "yardstick.txt").read_text(encoding="utf-8"))
    assert tuple(rows) == CONTENDERS
    for name, cells in rows.items():
        assert 10 < int(cells[0].removesuffix("/s")) <= 20, name
    ratios = {(row["number"], row["contender"]): row["ratio"] for row in found["numbers"]}
    assert {ratios[number, "yardstick"] for number in ("rate", "cost", "cost_alike")} == {1}
    assert 0 <= found["sink_share_of_machine"] < 0.25
    assert 0 <= found["others_share_of_machine"] <= 1
    (one,) = found["rounds"]
    rates = [one[name]["most"]["rate"] for name in ("in process", "yardstick")]
    assert ratios["rate", "in process"] == pytest.approx(rates[0] / rates[1])


@needs_proc
def test_a_call_is_measured_at_different_rates() -> None:
    rows = _rows(_benchmark("rates", "--quick"))
    assert list(rows) == ["5 a second", "20 a second"]
    assert [cells[0] for cells in rows.values()] == ["5/s", "20/s"]
    assert 10 < int(rows["20 a second"][1].removesuffix("/s")) < 40


@needs_proc
def test_many_hosts_are_compared_with_one() -> None:
    text = _benchmark("hosts", "--quick")
    rows = _rows(text)
    assert list(rows) == ["1 host", "40 hosts"]
    one, many = (int(cells[-1].replace(",", "")) for cells in rows.values())
    assert many > one, "calls of 40 hosts need more connections than those of one"
    assert "processor time of many hosts, of that of one: " in text


@needs_proc
def test_slow_targets_are_measured() -> None:
    rows = _rows(_benchmark("slow_targets", "--quick"))
    assert list(rows)[:3] == ["at once", "50 ms", "2 s, one host"]
    assert len(rows) == 6
    files = {title: int(cells[-1]) for title, cells in rows.items()}
    assert files["2 s, one host"] > files["at once"] + 20, "40 calls are in progress at a time"
    for cells in rows.values():
        assert 10 < int(cells[1].removesuffix("/s")) < 40


@needs_proc
def test_processor_time_and_files_of_children_count() -> None:
    child = "import time\nwhile time.process_time() < 0.3: pass\nprint(1, flush=True)\ninput()"
    start = f"import subprocess, sys; one = subprocess.Popen([sys.executable, '-c', {child!r}])"
    parent = f"{start}\none.wait(); print('waited', flush=True); input()"
    with subprocess.Popen((sys.executable, "-c", parent), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()  # the child has used its time, and lives
        assert len(family(process.pid)) == 2
        assert processor_seconds(process.pid) >= 0.28
        both = open_files(process.pid)
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"waited\n"
        assert family(process.pid) == [process.pid]
        assert processor_seconds(process.pid) >= 0.28, "what an ended child had used remains"
        assert 0 < open_files(process.pid) < both
        process.stdin.write(b"\n")


@needs_proc
def test_the_processor_time_of_each_thread_is_told() -> None:
    found = thread_seconds(os.getpid())
    assert {thread.native_id for thread in threading.enumerate()} <= set(found)
    assert found[os.getpid()] > 0


MAIN, WRITER = 'process 7:"serve";thread (7): MainThread;main (x.py)', 'process 7:"serve";thread (9): writer;run (y.py)'


def test_processor_time_is_divided_among_the_parts() -> None:
    raw = (
        f"{MAIN};send (myscheduler/adapters/http/sender.py);replace (dataclasses.py) 30\n"
        f"{MAIN};send (myscheduler/adapters/http/sender.py);feed (myscheduler/adapters/http/answers.py) 10\n"
        f"{MAIN} 10\n"
        f"{WRITER};claim (myscheduler/adapters/store/rows/claims.py);execute (sqlalchemy/engine/base.py) 20\n"
    )
    found = divided(raw, 100, {7: 0.7, 9: 0.3})
    shares = {"request": 0.3, "response": 0.1, "SQL": 0.3, "event loop and rest": 0.3}
    assert {name: share for name, share in found.items() if share} == pytest.approx(shares)


def test_nothing_can_be_divided_where_nothing_was_used() -> None:
    with pytest.raises(ValueError, match="no processor time"):
        divided("", 100, {7: 0.0})


@pytest.mark.parametrize(
    ("innermost", "part"),
    [
        pytest.param("next_after (myscheduler/core/schedule/slots.py)", "due", id="due"),
        pytest.param("_decide (myscheduler/core/dispatch/agenda.py)", "decide", id="decide"),
        pytest.param("_note (myscheduler/service/dispatch/claiming.py)", "claim", id="claim"),
        pytest.param("new_execution_id (myscheduler/adapters/store/rows/ids.py)", "claim", id="ids"),
        pytest.param("Handler.ask (myscheduler/adapters/http/handler.py)", "request", id="writes to the socket"),
        pytest.param("Handler.begin (myscheduler/adapters/http/handler.py)", "response", id="reads the head"),
        pytest.param("call (myscheduler/service/senders/fleet.py)", "hand over", id="hand over"),
        pytest.param("log_end (myscheduler/service/dispatch/execution_log.py)", "log", id="log"),
        pytest.param("_note (myscheduler/service/dispatch/endings.py)", "end", id="end"),
    ],
)
def test_the_innermost_known_frame_decides(innermost: str, part: str) -> None:
    stack = ["main (x.py)", "run (myscheduler/service/dispatch/attempts.py)", innermost, "replace (dataclasses.py)"]
    assert part_of(stack).name == part


@pytest.mark.skipif(shutil.which("py-spy", path=str(Path(sys.executable).parent)) is None, reason="needs py-spy")
def test_the_parts_of_an_execution_are_measured(tmp_path: Path) -> None:
    rows = _rows(_benchmark("cost", "--quick", "--picture", str(tmp_path / "cost.png")))
    micros = {name: int(cells[0]) for name, cells in rows.items()}
    assert micros.pop("all") == pytest.approx(sum(micros.values()), abs=len(micros))
    assert (tmp_path / "cost.png").read_bytes().startswith(PNG)


def test_a_sink_answers_late_and_on_many_hosts() -> None:
    async def run() -> None:
        async with running_sink(0.2, has_many_hosts=True) as sink, aiohttp.ClientSession() as session:
            hosts = (1, 2, 300, 70_000)
            begin = asyncio.get_running_loop().time()
            answers = await asyncio.gather(*(session.post(sink.target("x", host, host)) for host in hosts))
            assert asyncio.get_running_loop().time() - begin >= 0.2
            assert [answer.status for answer in answers] == [200] * len(hosts)
            assert {answer.url.host for answer in answers} == {"127.0.0.1", "127.0.0.2", "127.0.1.44", "127.1.17.112"}
            assert {one.path for one in await sink.take("x")} == {f"/hit/x/{host}" for host in hosts}

    asyncio.run(run())


@given(most=st.integers(30, 20_000), first=st.floats(0.4, 2.5))
def test_a_search_finds_what_is_possible(most: int, first: float) -> None:
    tried: list[int] = []

    async def trial(jobs: int) -> Trial:
        tried.append(jobs)
        return Trial(jobs, min(jobs, most), 0.3, 0.1, 0)

    best = asyncio.run(search(trial, round(most * first), 12))
    assert best.is_enough
    assert most / (FINE * 1.02) <= best.jobs <= most / 0.98 + 1
    assert len(tried) == len(set(tried)) <= 10


def test_a_search_that_finds_nothing_says_what_to_do() -> None:
    async def trial(jobs: int) -> Trial:
        return Trial(jobs, 1, 0.3, 0.1, 0)

    with pytest.raises(BenchmarkError, match=r"begin with fewer \(--alike\)"):
        asyncio.run(search(trial, 1_000, 3))


@pytest.mark.parametrize(
    ("enough", "too_many", "following"),
    [
        pytest.param(1_000, None, round(1_000 * STEP), id="up"),
        pytest.param(None, 1_200, round(1_200 / STEP), id="down"),
        pytest.param(1_000, 1_210, 1_100, id="between"),
    ],
)
def test_the_next_trial_of_a_search(enough: int | None, too_many: int | None, following: int) -> None:
    assert next_number(enough, too_many) == following


PUBLISHED = ROOT / "benchmarks" / "results" / "yardstick.json"


@pytest.mark.skipif(not PUBLISHED.exists(), reason="no run is published")
def test_the_published_ratios_are_those_of_one_run() -> None:
    """To publish others: run the command of the page, copy the table and the picture, and write the ratio."""
    found = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    rows, where = table(found).rstrip().rsplit("\n\n", 1)
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    published = page.partition("<!-- yardstick-results -->\n")[2].partition("<!-- /yardstick-results -->")[0]
    assert published == f"{rows}\n\n```text\n{where}\n```\n"
    pictures = [ROOT / folder / "yardstick.png" for folder in ("docs", "benchmarks/results")]
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    (ratio,) = (
        row["ratio"] for row in found["numbers"] if (row["number"], row["contender"]) == ("rate", "with senders")
    )
    for page_name, promise in (
        ("README.md", rf"\b{ratio:.1f}\s+times as many"),
        ("README.ja.md", rf"\b{ratio:.1f}\s倍"),
    ):
        assert re.search(promise, (ROOT / page_name).read_text(encoding="utf-8")), page_name


def _commands() -> list[tuple[str, str]]:
    text = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    return sorted({(name, options.strip()) for name, options in COMMAND.findall(text)})


@pytest.mark.parametrize(("name", "options"), _commands())
def test_commands_of_the_page_are_understood(name: str, options: str) -> None:
    module = f"benchmarks{name}"
    spec = find_spec(module)
    assert spec is not None, f"there is no {module}"
    main = import_module(f"{module}.__main__" if spec.submodule_search_locations else module).main
    assert isinstance(main, click.Command)
    context = main.make_context(module, options.split())
    assert context is not None
