"""Any sequence of edits ends at what the source says, and loses nothing on its way there.

Random edits of a real folder, with the real reconciler on a real database, beside a model that knows nothing of plans:
what is declared once and well is applied, what is broken stays as it was, what is gone goes, or waits for a person.
"""

import asyncio
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from myscheduler.cli.manifests import read_manifests
from myscheduler.core.gitops.sync_state import SyncCondition, SyncReason, SyncState
from myscheduler.core.job.digest import digest
from myscheduler.core.job.job import Job, Owner
from tests.support.parts import ZONE, Parts, opened, until

T = TypeVar("T")


class Document(NamedTuple):
    text: str
    job_id: str | None
    """The job that it names."""
    number: int | None = None
    """What its target ends with; `None` when it can't be used."""
    protect: bool = False
    adopt: bool = False
    is_opaque: bool = False
    """It might have declared any job."""
    is_stray: bool = False
    """Nothing in it is of a job."""
    spoils: str = ""
    """What it makes of its file: no `YAML`, or no `UTF-8`."""


def good(job_id: str, number: int, protect: bool = False, adopt: bool = False) -> Document:
    more = "protect: true\n" * protect + "adopt: true\n" * adopt
    text = f"job_id: {job_id}\ntarget_url: http://x/{number}\ninterval: {{hours: 1}}\n{more}"
    return Document(text, job_id, number, protect, adopt)


def misspelt(job_id: str) -> Document:
    return Document(f"job_id: {job_id}\ntarget_ulr: http://x/\ninterval: {{hours: 1}}\n", job_id)


def without_an_id(_: str) -> Document:
    return Document("target_url: http://x/\ninterval: {hours: 1}\n", None, is_opaque=True)


def no_manifest(_: str) -> Document:
    return Document("services: {web: {image: nginx}}\n", None, is_opaque=True, is_stray=True)


def cut_off(job_id: str) -> Document:
    return Document(f"job_id: {job_id}\ntarget_url: [\n", job_id, spoils="YAML")


def not_utf_8(job_id: str) -> Document:
    return Document(f"job_id: {job_id}\nname: caf\udce9\n", job_id, spoils="UTF-8")


def as_read(file: "File") -> "File":
    """What can be told of each document; what is not YAML still shows which jobs it names."""
    spoilt = {document.spoils for document in file}
    if "UTF-8" in spoilt:
        return (Document("", None, is_opaque=True),)
    if "YAML" in spoilt:
        return tuple(document._replace(number=None, is_opaque=True) for document in file)
    return file


class Stored(NamedTuple):
    """What the model says of a stored job; `path` and `line` are those of its manifest."""

    number: int
    protect: bool = False
    path: str | None = None
    line: int | None = None


File = tuple[Document, ...]


def is_nameless(file: File) -> bool:
    """Something is in it, and nothing tells which jobs it may declare."""
    if all(document.is_stray for document in file):
        return False
    if any(document.spoils == "YAML" for document in file):
        return not any(document.job_id for document in as_read(file))
    return any(document.is_opaque and document.job_id is None for document in as_read(file))


Deletion = frozenset[tuple[str, int, bool]]


class Model:
    """What the files say, and what has to be stored after a pass."""

    def __init__(self) -> None:
        self.files: dict[str, File] = {}
        self.stored: dict[str, Stored] = {}

    def sync(self, approved: Deletion | None) -> Deletion | None:
        """Pass over the files. Returns the deletion that is blocked; `approved` is let through."""
        documents = [(path, document) for path, file in self.files.items() for document in as_read(file)]
        usable = Counter(document.job_id for _, document in documents if document.number is not None)
        held = {document.job_id for _, document in documents if document.number is None}
        held |= {job_id for job_id, count in usable.items() if count > 1}
        opaque = {path for path, document in documents if document.is_opaque}
        opaque |= {path for path, file in self.files.items() if not file}
        named = usable.keys() | held
        gone = {
            job_id: stored
            for job_id, stored in self.stored.items()
            if stored.path is not None and stored.path not in opaque and job_id not in named
        }
        known_paths = [stored.path for stored in self.stored.values() if stored.path is not None]
        strangers = {path for path, file in self.files.items() if is_nameless(file)} - set(known_paths)
        is_blocked = gone and (
            not usable.keys() - held
            or strangers
            or len(gone) > max(5, 0.3 * len(known_paths))
            or any(stored.protect for stored in gone.values())
        )
        self._declare(held)
        deletion = frozenset((job_id, stored.number, stored.protect) for job_id, stored in gone.items())
        if is_blocked and deletion != approved:
            return deletion
        for job_id in gone:
            del self.stored[job_id]
        return None

    def _declare(self, held: set[str | None]) -> None:
        for path, file in self.files.items():
            line = 1
            for document in as_read(file):
                known = self.stored.get(document.job_id or "")
                is_foreign = known is not None and known.path is None and not document.adopt
                if document.job_id and document.number is not None and document.job_id not in held and not is_foreign:
                    self.stored[document.job_id] = Stored(document.number, document.protect, path, line)
                line += document.text.count("\n") + 1


PATHS = ["a.yaml", "b.yml", "team/c.yaml", "team/deep/d.yaml"]
MOUNTED = ["mount/m.yaml", "mount/n.yaml"]
JOB_IDS = [f"j{number}" for number in range(12)]

numbers = st.integers(0, 11)
job_ids = st.sampled_from(JOB_IDS)
seldom = st.integers(0, 9).map(lambda number: number == 9)
goods = st.builds(good, job_ids, st.integers(0, 3), seldom, seldom)
files = st.lists(goods, min_size=1, max_size=6, unique_by=lambda document: document.job_id).map(tuple)
paths = st.sampled_from(PATHS)
breaks = st.sampled_from([misspelt, without_an_id, no_manifest, cut_off, not_utf_8])


class World:
    """A folder that is edited, the service that follows it, and the model beside them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.stack = AsyncExitStack()
        self.model = Model()
        self.whole: dict[str, File] = {}
        """What broken files said before."""
        self.blocked: Deletion | None = None
        self.state: SyncState | None = None
        self.swaps = 0

    async def start(self) -> None:
        self.parts = await self.stack.enter_async_context(opened(self.folder))

    @property
    def jobs_dir(self) -> Path:
        return self.folder / "jobs.d"

    def put(self, path: str, file: File) -> None:
        at = self.jobs_dir / path
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_bytes(content(file))
        self.model.files[path] = file

    def pick(self, number: int) -> str:
        """Some path at which a file stands, if any does."""
        there = [path for path in PATHS if path in self.model.files]
        return there[number % len(there)] if there else PATHS[0]

    # edits

    def write(self, path: str, file: File) -> None:
        self.put(path, file)
        self.whole.pop(path, None)

    def edit(self, number: int, document: Document) -> None:
        path = self.pick(number)
        file = self.model.files.get(path, ())
        at = number % (len(file) + 1)
        self.put(path, (*file[:at], document, *file[at + 1 :]))

    def break_document(self, number: int, broken: Callable[[str], Document]) -> None:
        path = self.pick(number)
        file = self.model.files.get(path, ())
        if file:
            self.whole.setdefault(path, file)
            self.edit(number % len(file), broken(file[number % len(file)].job_id or JOB_IDS[number]))

    def truncate(self, path: str) -> None:
        self.whole.setdefault(path, self.model.files.get(path, ()))
        self.put(path, ())

    def mend(self) -> None:
        for path, file in self.whole.items():
            self.put(path, file)
        self.whole = {}

    def rename(self, number: int, to: str) -> None:
        path = self.pick(number)
        if path in self.model.files and path != to:
            (self.jobs_dir / to).parent.mkdir(parents=True, exist_ok=True)
            (self.jobs_dir / path).replace(self.jobs_dir / to)
            self.model.files[to] = self.model.files.pop(path)
            self.whole.pop(to, None)
            if path in self.whole:
                self.whole[to] = self.whole.pop(path)

    def move_document(self, number: int, to: str) -> None:
        path = self.pick(number)
        if self.model.files.get(path):
            document, *rest = self.model.files[path]
            self.put(path, tuple(rest))
            self.put(to, (*self.model.files.get(to, ()), document))

    def copy(self, number: int, to: str) -> None:
        self.put(to, self.model.files.get(self.pick(number), ()))

    def swap_files(self, number: int) -> None:
        one, other = self.pick(number), self.pick(number + 1)
        first, second = self.model.files.get(one, ()), self.model.files.get(other, ())
        self.put(one, second)
        self.put(other, first)

    def delete(self, number: int) -> None:
        path = self.pick(number)
        (self.jobs_dir / path).unlink(missing_ok=True)
        self.model.files.pop(path, None)
        self.whole.pop(path, None)

    def empty(self) -> None:
        for _ in PATHS:
            self.delete(0)
        self.swap_mount({})

    def swap_mount(self, made: dict[str, File]) -> None:
        """A ConfigMap is updated: the kubelet swaps `..data`, and keeps links for its keys beside it."""
        mount, self.swaps = self.jobs_dir / "mount", self.swaps + 1
        data = mount / f"..2026_11_24_10_00_00.{self.swaps}"
        data.mkdir(parents=True)
        for path, file in made.items():
            (data / Path(path).name).write_bytes(content(file))
            with suppress(FileExistsError):
                (self.jobs_dir / path).symlink_to(f"..data/{Path(path).name}")
        (mount / "..data_tmp").symlink_to(data.name)
        (mount / "..data_tmp").replace(mount / "..data")
        for path in MOUNTED:
            if path not in made:
                (self.jobs_dir / path).unlink(missing_ok=True)
                self.model.files.pop(path, None)
        self.model.files |= made

    # what others do

    async def vanish(self, with_a_restart: bool) -> None:
        self.jobs_dir.rename(self.folder / "away")
        await self.sync(None, is_away=True)
        if with_a_restart:
            await self.restart()
            self.jobs_dir.rmdir()  # it was made anew
            await self.sync(None, is_away=True)
        (self.folder / "away").rename(self.jobs_dir)

    async def restart(self) -> None:
        await self.stack.aclose()
        await self.start()

    async def create_by_api(self, job_id: str) -> None:
        if job_id not in self.model.stored:
            await self.parts.create(job_id, target_url="http://x/9")
            self.model.stored[job_id] = Stored(9)

    async def delete_by_api(self) -> None:
        for job_id in [job_id for job_id, known in self.model.stored.items() if known.path is None]:
            await self.parts.catalog.delete(job_id)
            del self.model.stored[job_id]

    # passes

    async def approve(self) -> None:
        """What a person saw blocked; by now it may be another deletion, or none."""
        await self.sync(self.blocked)

    async def sync(self, approved: Deletion | None = None, *, is_away: bool = False) -> None:
        """Run a pass, and compare what it did with what it should."""
        before, versions = dict(self.model.stored), {job.job_id: job.version for job in await self.jobs()}
        blocked = self.state.blocked if self.state is not None and approved is not None else None
        self.state = await self.parts.sync(blocked.digest if blocked else None)
        if is_away:
            assert self.state.reason is SyncReason.SOURCE_UNAVAILABLE
        else:
            self.blocked = self.model.sync(approved)
            told = frozenset(self.state.blocked.job_ids if self.state.blocked else [])
            assert told == {job_id for job_id, _, _ in self.blocked or []}
        jobs = await self.jobs()
        assert {job.job_id: stored(job) for job in jobs} == self.model.stored
        after = {job.job_id: job.version for job in jobs}
        untouched = [job_id for job_id, known in self.model.stored.items() if before.get(job_id) == known]
        assert {job_id: after[job_id] for job_id in untouched} == {job_id: versions[job_id] for job_id in untouched}

    async def jobs(self) -> list[Job]:
        return list((await self.parts.jobs()).values())

    async def settle(self) -> None:
        """Nothing is edited any more, and a person approves what is asked for."""
        await self.sync()
        await self.approve()
        assert self.blocked is None
        assert_as_validated(self.jobs_dir, await self.jobs())


def assert_as_validated(jobs_dir: Path, jobs: list[Job]) -> None:
    """The stored jobs are those that `validate` reads; besides, there are held ones and those of the API."""
    desired = read_manifests([jobs_dir], zone=ZONE)
    owned = {job.job_id for job in jobs if job.owner is Owner.API}
    wanted = {job_id: declared.digest for job_id, declared in desired.jobs.items() if job_id not in owned}
    there = {job.job_id: job for job in jobs if job.owner is Owner.MANIFEST}
    held = {job_id for job_id, job in there.items() if job_id not in wanted}
    assert {job_id: digest(job.spec) for job_id, job in there.items() if job_id not in held} == wanted
    for job_id in held:
        source = there[job_id].source
        assert source is not None
        assert desired.holds(job_id, str(jobs_dir / source.path))


def content(file: File) -> bytes:
    return "---\n".join(document.text for document in file).encode("utf-8", "surrogateescape")


def stored(job: Job) -> Stored:
    number = int(job.spec.target_url.rpartition("/")[2])
    return Stored(number, job.spec.protect, *((job.source.path, job.source.line) if job.source else ()))


Edit = tuple[Any, ...]
"""The name of a method of World, and its arguments."""

edits: st.SearchStrategy[Edit] = st.one_of(
    st.tuples(st.just("write"), paths, files),
    st.tuples(st.just("write"), paths, files),
    st.tuples(st.just("edit"), numbers, goods),
    st.tuples(st.just("edit"), numbers, goods),
    st.tuples(st.just("truncate"), paths),
    st.tuples(st.just("break_document"), numbers, breaks),
    st.tuples(st.just("break_document"), numbers, breaks),
    st.tuples(st.just("mend")),
    st.tuples(st.just("rename"), numbers, paths),
    st.tuples(st.just("move_document"), numbers, paths),
    st.tuples(st.just("copy"), numbers, paths),
    st.tuples(st.just("swap_files"), numbers),
    st.tuples(st.just("delete"), numbers),
    st.tuples(st.just("empty")),
    st.tuples(st.just("swap_mount"), st.dictionaries(st.sampled_from(MOUNTED), files)),
    st.tuples(st.just("vanish"), st.booleans()),
    st.tuples(st.just("restart")),
    st.tuples(st.just("create_by_api"), job_ids),
    st.tuples(st.just("delete_by_api")),
    st.tuples(st.just("approve")),
)


@settings(max_examples=18, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(st.tuples(edits, st.sampled_from([True, True, False])), min_size=8, max_size=14))
@example(
    [
        (("write", "a.yaml", (good("j0", 0),)), True),
        (("approve",), False),
        (("delete", 1), True),
        (("approve",), False),
        (("empty",), True),
    ]
)  # one job, no protection: it is kept only because nothing is left
@example(
    [
        (("write", "b.yml", (not_utf_8("j7"),)), False),
        (("write", "team/c.yaml", (good("j8", 1, protect=True),)), True),
    ]
)  # any job may be declared in what can't be read, and two are gone
def test_any_sequence_of_edits(sequence: list[tuple[Edit, bool]]) -> None:
    """After some of the edits comes a pass; the others pile up."""

    async def scenario(world: World) -> None:
        async with world.stack:
            await world.start()
            world.write("a.yaml", tuple(good(job_id, 0) for job_id in JOB_IDS[:7]))
            world.write("team/c.yaml", tuple(good(job_id, 1, protect=job_id == "j8") for job_id in JOB_IDS[7:10]))
            await world.sync()
            for (name, *arguments), is_followed in sequence:
                step = getattr(world, name)(*arguments)
                if step is not None:
                    await step
                if is_followed:
                    await world.sync()
            await world.settle()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(scenario(World(Path(folder))))


@pytest.mark.anyio
async def test_the_watcher_ends_there_too(tmp_path: Path) -> None:
    """A hundred writes a second; then it takes a pass or two."""
    states: list[SyncState] = []

    async def note_passes(parts: Parts) -> None:
        while True:
            if not states or parts.reconciler.state is not states[-1]:
                states.append(parts.reconciler.state)
            await asyncio.sleep(0.001)

    def storm(jobs_dir: Path) -> None:
        for number in range(300):
            path, text = jobs_dir / f"{number % 20}.yaml", good(f"j{number % 20}", number).text
            if number % 3:
                path.with_suffix(".tmp").write_text(text)
                path.with_suffix(".tmp").replace(path)
            else:
                path.write_text(text)
            time.sleep(0.01)

    async with opened(tmp_path) as parts:
        running = [asyncio.create_task(parts.reconciler.run()), asyncio.create_task(note_passes(parts))]
        await until(lambda: at_once(parts.reconciler.state.condition), lambda now: now is SyncCondition.READY)
        states.clear()
        await asyncio.to_thread(storm, parts.jobs_dir)
        during = len(states)
        await until(parts.jobs, lambda jobs: {stored(job).number for job in jobs.values()} == set(range(280, 300)))
        await asyncio.sleep(0.5)
        assert during < 20, "the storm is not followed write by write"
        assert len(states) - during <= 3, "once it is over, little is left to do"
        assert_as_validated(parts.jobs_dir, list((await parts.jobs()).values()))
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def at_once(value: T) -> T:
    return value
