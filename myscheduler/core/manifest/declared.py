"""What manifests declare: jobs with their places, files, and all that a source asks for."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from myscheduler.core.findings.problem import Problem
from myscheduler.core.job.digest import digest
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.policy.bursts import Cap

EVERYWHERE = "/"
"""Stands among held paths where it is not known which files are meant."""

LONGEST_OUTLINED = 500
"""Characters of a path; PostgreSQL can't index much longer ones."""


@dataclass(frozen=True, slots=True)
class UsedSecret:
    """A reference, with its place."""

    name: str
    field: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Written:
    """What a document says beyond the spec: what cautions about it need (see `cautions`)."""

    schedule_at: tuple[int, int]
    """Line and column of its schedule."""
    retries_at: tuple[int, int]
    """And of its max_retries."""
    body_at: tuple[int, int]
    headers_at: tuple[int, int]
    says_day_match: bool
    says_overlap: bool
    credentials: tuple[tuple[str, int, int, str], ...]
    """Field, line and column of each credential that is written out, and what it is."""
    secrets: tuple[UsedSecret, ...]


@dataclass(frozen=True, slots=True)
class DeclaredJob:
    """A job with the place that declares it."""

    job_id: str
    known_digest: str
    """Empty where it is not computed yet."""
    path: str
    line: int
    spec: JobSpec | None
    """`None` in an outline."""
    written: Written | None = None
    """`None` where there is no spec."""
    adopts: bool = False
    """It takes over a job of that id that was made through the API."""

    @property
    def whole_spec(self) -> JobSpec:
        """The spec of a job that is no outline; raises `ValueError` of one that is, which is a bug of the caller."""
        if self.spec is None:
            message = f"only the outline of {self.path} is at hand"
            raise ValueError(message)
        return self.spec

    @property
    def digest(self) -> str:
        """A fingerprint of the spec's meaning. It takes a fifth of reading a manifest, and `validate` needs none."""
        return self.known_digest if self.known_digest or self.spec is None else digest(self.spec)


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """What one file says."""

    path: str
    jobs: tuple[DeclaredJob, ...] = ()
    problems: tuple[Problem, ...] = ()
    broken_ids: frozenset[str] = frozenset()
    """Jobs that the file names in a document that can't be used."""
    is_opaque: bool = False
    """Some document of the file doesn't say which job it declares, so any job of the file may be meant."""
    is_nameless: bool = False
    """Of some document not even the text tells which job it may declare."""
    is_mute: bool = False
    """Something in it is no manifest and doesn't look like one, or nothing stands there at all. That is fine, unless it
    declared a job before."""
    skipped: int = 0
    """Kubernetes objects that hold no manifests."""
    caps: tuple[Cap, ...] = ()
    """Of policies that came with a part of the file. They count its jobs only, so an outline needs none."""

    def with_digests(self) -> "ParsedFile":
        """The same with the digests at hand, for who needs them where there is no time to compute them."""
        return replace(self, jobs=tuple(replace(job, known_digest=job.digest) for job in self.jobs))

    def outline(self) -> "ParsedFile | None":
        """What has to be known of a file as long as it doesn't change; `None` where something is wrong with it."""
        if self.problems or self.broken_ids or self.is_opaque or self.is_mute or len(self.path) > LONGEST_OUTLINED:
            return None
        return replace(
            self, jobs=tuple(replace(job, known_digest=job.digest, spec=None, written=None) for job in self.jobs)
        )


@dataclass(frozen=True, slots=True)
class Desired:
    """What the whole source says at one revision."""

    revision: str
    jobs: Mapping[str, DeclaredJob]
    problems: tuple[Problem, ...]
    held_ids: frozenset[str]
    """Jobs that keep their last good spec."""
    held_paths: frozenset[str]
    """Files, and folders that end in `/`, whose jobs keep their last good spec unless they are declared elsewhere."""
    nameless_paths: frozenset[str] = frozenset()
    """Those of them that may declare any job: nothing tells which."""
    mute_paths: Mapping[str, str] = field(default_factory=dict)
    """Files that are no manifests, as a stored job may name them, with the path that people see: their jobs are held,
    too, if they have any."""
    skipped: int = 0
    caps: tuple[Cap, ...] = ()
    """How many calls may start in a minute."""

    @property
    def is_empty(self) -> bool:
        """Nothing was declared, not even brokenly."""
        return not (self.jobs or self.held_ids or self.held_paths)

    def strangers(self, known_paths: Collection[str]) -> list[str]:
        """Paths that may declare any job, and under which none is known: perhaps a file that was renamed and broke."""
        folders = {path for path in self.nameless_paths if path.endswith("/")}
        return sorted(
            path
            for path in self.nameless_paths
            if path not in known_paths and not (path in folders and any(one.startswith(path) for one in known_paths))
        )

    def holds(self, job_id: str, path: str) -> bool:
        """The job isn't declared, but that doesn't mean that it shall go."""
        if job_id in self.held_ids or path in self.held_paths or path in self.mute_paths:
            return True
        if EVERYWHERE in self.held_paths:
            return True
        return any(folder.endswith("/") and path.startswith(folder) for folder in self.held_paths)
