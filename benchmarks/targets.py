"""The numbers, their targets, and how much work is done for them."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Number:
    """One row of the table of results."""

    figure: str
    name: str
    title: str
    unit: str = ""
    target: float | None = None
    """None: the number is shown without a verdict."""
    higher_is_better: bool = False

    def is_reached(self, value: float) -> bool | None:
        if self.target is None:
            return None
        return value >= self.target if self.higher_is_better else value <= self.target


NUMBERS = (
    Number("sustained", "rate", "executions a second", "/s", 3000, higher_is_better=True),
    Number("sustained", "late_p50", "lateness p50", "s"),
    Number("sustained", "late_p99", "lateness p99", "s"),
    Number("sustained", "lost", "sink and history differ by", target=0),
    Number("sustained", "doubled", "calls that came twice", target=0),
    Number("burst-1000", "late_p50", "lateness p50", "s", 0.2),
    Number("burst-1000", "late_p99", "lateness p99", "s", 0.5),
    Number("burst-1000", "lost", "calls that never came", target=0),
    Number("burst-1000", "doubled", "calls that came twice", target=0),
    Number("burst-10000", "late_p50", "lateness p50", "s"),
    Number("burst-10000", "late_p99", "lateness p99", "s", 4),
    Number("burst-10000", "lost", "calls that never came", target=0),
    Number("burst-10000", "doubled", "calls that came twice", target=0),
    Number("burst-10000", "health", "slowest /health", "s", 0.15),
    Number("list-jobs", "p50", "GET /api/v1/jobs p50", "s", 0.02),
    Number("create", "rate", "jobs created a second", "/s", 1500, higher_is_better=True),
    Number("reconcile", "cold", "10,000 new manifests", "s", 3),
    Number("reconcile", "unchanged", "10,000 unchanged", "s", 0.3),
    Number("reconcile", "edit", "one edited", "s", 0.5),
    Number("start", "ready", "ready with 10,000 jobs", "s", 3),
    Number("memory", "resident", "idle with 10,000 jobs", "MB", 150),
    Number("scrape", "first", "first scrape of 10,000 jobs", "s"),
    Number("scrape", "p50", "GET /metrics/jobs p50", "s", 1),
)
FIGURES = tuple(dict.fromkeys(number.figure for number in NUMBERS))


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much work is done; the figures are named after the full sizes."""

    sustained_jobs: int = 3_300
    warm_up_sec: float = 5
    sustained_sec: float = 15
    bursts: dict[str, int] = field(default_factory=lambda: {"burst-1000": 1_000, "burst-10000": 10_000})
    burst_lost_sec: float = 60
    """Seconds after which a call counts as lost."""
    quiet_sec: float = 2
    """Seconds to wait for calls that arrive twice."""
    listed_jobs: int = 1_000
    listed_sec: float = 100
    listed_executions: int = 100_000
    list_requests: int = 50
    created_jobs: int = 5_000
    manifest_files: int = 1_000
    manifests_per_file: int = 10
    repeats: int = 5
    starts: int = 3
    pause_sec: float = 1
    """Seconds between two edits, so that each is noticed separately."""
    settle_sec: float = 10
    scrapes: int = 10


FULL = Sizes()
QUICK = Sizes(
    sustained_jobs=20,
    warm_up_sec=0.5,
    sustained_sec=1.5,
    bursts={"burst-1000": 30, "burst-10000": 60},
    quiet_sec=0.3,
    listed_jobs=20,
    listed_sec=1,
    listed_executions=30,
    list_requests=5,
    created_jobs=50,
    manifest_files=4,
    manifests_per_file=10,
    repeats=2,
    starts=1,
    pause_sec=0.3,
    settle_sec=0.2,
    scrapes=2,
)
