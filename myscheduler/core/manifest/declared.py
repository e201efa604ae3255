"""The results of parsing: `DeclaredJob`, `ParsedFile`, and `Desired`, the state that the whole source declares."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from myscheduler.core.chains.links import Links
from myscheduler.core.dispatch.throttles import TargetLimits
from myscheduler.core.findings.problem import Loc, Place, Problem
from myscheduler.core.job.digest import digest
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.policy.caps import Cap
from myscheduler.core.secrets.references import UsedSecret
from myscheduler.core.source.snapshot import SourceFile, UnreadableFile

EVERYWHERE = "/"
"""In a set of held paths it means every path: it is not known which files are affected."""

LONGEST_OUTLINED = 500
"""Characters of the path of a file that may have an outline; PostgreSQL can't index much longer ones."""


@dataclass(frozen=True, slots=True)
class ContractFile:
    """An OpenAPI document that was read, and the place in targets.yaml that names it."""

    file: SourceFile | UnreadableFile
    named_at: Place


@dataclass(frozen=True, slots=True)
class NamedContract:
    """The OpenAPI document that the target of a job names."""

    path: str
    """As the path of the file that names it is shown, with its folder."""
    base_url: str = field(repr=False)
    """The base URL of the target, with the values of its variables."""
    is_template: bool
    """Whether expressions are left in the base URL."""


def nowhere(_loc: Loc) -> None:
    """The places of a document that are not kept."""


@dataclass(frozen=True, slots=True)
class Written:
    """Details of a document that the spec doesn't have, and that warnings need (see `lint`)."""

    schedule_at: tuple[int, int]
    """Line and column of its schedule."""
    retries_at: tuple[int, int]
    """Line and column of its `max_retries`, and below of its `body` and `headers`."""
    body_at: tuple[int, int]
    headers_at: tuple[int, int]
    says_day_match: bool
    says_overlap: bool
    credentials: tuple[tuple[str, int, int, str], ...]
    """Field, line, column and description of each credential that is written out."""
    secrets: tuple[UsedSecret, ...]
    contract: NamedContract | None = None
    links_at: Mapping[Loc, tuple[int, int]] = field(default_factory=dict, compare=False)
    """Line and column of each job that `after` and `requires` name."""
    place_of: Callable[[Loc], tuple[int, int] | None] = field(default=nowhere, repr=False, compare=False)
    """Returns line and column of a field that the document has, or of the nearest value around it; only for jobs with
    a contract."""


@dataclass(frozen=True, slots=True)
class DeclaredJob:
    """A job with the location of its declaration.

    An outline is such a job without its spec: enough to see that nothing changed, without parsing the file again.
    """

    job_id: str
    known_digest: str
    """Digest of the spec; empty if it is not computed yet."""
    path: str
    line: int
    spec: JobSpec | None
    """`None` in an outline."""
    written: Written | None = None
    """`None` in an outline."""
    adopts: bool = False
    """`adopt: true`: it takes over a job with this id that was created through the API."""
    links: Links | None = None
    """What it declares about other jobs; also in an outline."""

    @property
    def whole_spec(self) -> JobSpec:
        """The spec; raises `ValueError` for an outline, which is a bug of the caller."""
        if self.spec is None:
            message = f"only the outline of {self.path} is available"
            raise ValueError(message)
        return self.spec

    @property
    def digest(self) -> str:
        """A hash of the meaning of the spec, computed on demand.

        It takes a fifth of the time of parsing, and `validate` needs none.
        """
        return self.known_digest if self.known_digest or self.spec is None else digest(self.spec)


@dataclass(frozen=True, slots=True)
class ParsedFile:
    """The jobs and the problems of one file."""

    path: str
    jobs: tuple[DeclaredJob, ...] = ()
    problems: tuple[Problem, ...] = ()
    broken_ids: frozenset[str] = frozenset()
    """Jobs that the file names in an invalid document; they keep their last good spec."""
    is_opaque: bool = False
    """A document of the file doesn't say which job it declares, so it may be any job that the file declared before."""
    is_nameless: bool = False
    """Not even the text of an invalid document gives the id of the job that it may declare."""
    is_mute: bool = False
    """It contains something that doesn't look like a manifest, or is empty. That is fine, unless it declared a job
    before."""
    skipped: int = 0
    """The number of Kubernetes objects without manifests."""
    caps: tuple[Cap, ...] = ()
    """Limits by policies in the file (in ConfigMaps). They only count its jobs, so an outline needs none."""

    def with_digests(self) -> "ParsedFile":
        """The same file with all digests computed, for callers that must not spend the time later."""
        return replace(self, jobs=tuple(replace(job, known_digest=job.digest) for job in self.jobs))

    def outline(self) -> "ParsedFile | None":
        """The file without specs, which is enough while it doesn't change; `None` if anything is wrong with it."""
        if self.problems or self.broken_ids or self.is_opaque or self.is_mute or len(self.path) > LONGEST_OUTLINED:
            return None
        return replace(
            self, jobs=tuple(replace(job, known_digest=job.digest, spec=None, written=None) for job in self.jobs)
        )


@dataclass(frozen=True, slots=True)
class Desired:
    """The state that the whole source declares at one revision."""

    revision: str
    jobs: Mapping[str, DeclaredJob]
    problems: tuple[Problem, ...]
    held_ids: frozenset[str]
    """Jobs that keep their last good spec."""
    held_paths: frozenset[str]
    """Files, and folders that end in `/`, whose jobs keep their last good spec unless they are declared elsewhere."""
    nameless_paths: frozenset[str] = frozenset()
    """Those of `held_paths` that may declare any job, as nothing says which."""
    mute_paths: Mapping[str, str] = field(default_factory=dict)
    """Files that are not manifests: by the path that a stored job may name, the path to show. Jobs that such a file
    declared before are held, too."""
    skipped: int = 0
    caps: tuple[Cap, ...] = ()
    """The limits of all jobs together: on calls that start in a minute, and on links."""
    limits: Mapping[str, TargetLimits] = field(default_factory=dict)
    """What the shared targets allow, by name."""
    channel_secrets: tuple[tuple[str, UsedSecret], ...] = ()
    """The references of channels, each with the path of its notifications.yaml."""
    contracts: tuple[ContractFile, ...] = ()
    """The OpenAPI documents that targets name; only `validate` reads them."""

    @property
    def is_empty(self) -> bool:
        """Nothing is declared, not even in an invalid manifest."""
        return not (self.jobs or self.held_ids or self.held_paths)

    def strangers(self, known_paths: Collection[str]) -> list[str]:
        """Paths that may declare any job and have no known job: perhaps a file that was renamed and became invalid."""
        folders = {path for path in self.nameless_paths if path.endswith("/")}
        return sorted(
            path
            for path in self.nameless_paths
            if path not in known_paths and not (path in folders and any(one.startswith(path) for one in known_paths))
        )

    def holds(self, job_id: str, path: str) -> bool:
        """Whether a job that isn't declared has to stay, as the manifest that declared it may only be broken."""
        if job_id in self.held_ids or path in self.held_paths or path in self.mute_paths:
            return True
        if EVERYWHERE in self.held_paths:
            return True
        return any(folder.endswith("/") and path.startswith(folder) for folder in self.held_paths)
