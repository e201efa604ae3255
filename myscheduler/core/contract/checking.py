"""Compares jobs with the OpenAPI documents of their targets: dead endpoints are found before they are called.

Only `validate` does it, as with the warnings of `lint`: a job that works must not be held because a document changed.
"""

from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from myscheduler.core.contract.bodies import body_findings
from myscheduler.core.contract.call import Call, call_of, with_holes
from myscheduler.core.contract.document import Contract, read_contract
from myscheduler.core.contract.finding import Finding
from myscheduler.core.contract.operations import NoMethod, NoPath, NoServer, Operation, Paths
from myscheduler.core.contract.parameters import parameter_findings
from myscheduler.core.contract.security import security_findings
from myscheduler.core.findings.masking import field_of
from myscheduler.core.findings.problem import Loc, Problem, Severity, shown
from myscheduler.core.manifest.declared import ContractFile, DeclaredJob, NamedContract, Written
from myscheduler.messages.message import said

MOST_JOBS = 1_000
"""Jobs with findings: what comes after them would not be reported."""
_BODIES = ("body", "form", "text", "base64", "multipart")


def contract_problems(jobs: Iterable[DeclaredJob], documents: Iterable[ContractFile]) -> Iterator[Problem]:
    """What is wrong with the documents, and with the jobs that contradict them."""
    contracts: dict[str, Paths] = {}
    for one in documents:
        contract, problems = read_contract(one)
        yield from problems
        if contract is not None:
            contracts[one.file.path] = Paths.of(contract)
    found = 0
    for job in jobs if contracts else ():
        if job.spec is None or job.written is None or job.written.contract is None:
            continue
        paths = contracts.get(job.written.contract.path)
        problems = tuple(_of_job(job, job.written.contract, paths)) if paths is not None else ()
        yield from problems
        found += bool(problems)
        if found == MOST_JOBS:
            return


def _of_job(job: DeclaredJob, named: NamedContract, paths: Paths) -> Iterator[Problem]:
    call = call_of(job.whole_spec)
    for one in _findings(paths, call, _base(named)):
        written = job.written
        line, column = _place(written, one.loc) if written is not None else (job.line, 1)
        related = paths.contract.place(one.at)
        field = field_of(one.loc)
        yield Problem(job.path, line, column, field, one.rule, one.message, one.severity, job.job_id, related)


def _base(named: NamedContract) -> str:
    return urlsplit(with_holes(named.base_url, is_template=named.is_template)).path


def _findings(paths: Paths, call: Call, base: str) -> Iterator[Finding]:
    match paths.find(call.method, call.path, base):
        case NoServer(known, at):
            yield Finding(("path",), "contract-path", said("contract-no-server", known=[*map(shown, known)]), at)
        case NoPath(meant, at):
            hint = said("did-you-mean", word=meant) if meant else ""
            yield Finding(("path",), "contract-path", said("contract-no-path", hint=hint), at)
        case NoMethod(path, known, at):
            message = said("contract-no-method", method=call.method, path=shown(path), known=[*known])
            yield Finding(("method",), "contract-method", message, at)
        case Operation() as operation:
            yield from _of_operation(paths.contract, operation, call)


def _of_operation(contract: Contract, operation: Operation, call: Call) -> Iterator[Finding]:
    if operation.part.value.get("deprecated") is True:
        at = (*operation.part.loc, "deprecated")
        yield Finding(("path",), "contract-deprecated", said("contract-deprecated"), at, Severity.WARNING)
    yield from parameter_findings(contract, operation, call)
    yield from body_findings(contract, operation, call)
    yield from security_findings(contract, operation, call)


def _place(written: Written, loc: Loc) -> tuple[int, int]:
    """Where the job says it, or could: what a job doesn't write itself comes from its target."""
    around = _BODIES if loc[0] == "body" else (loc[0],)
    wanted = [*((name, *loc[1:]) for name in around), ("path",), ("target_url",), ("target",)]
    found = (written.place_of(one) for one in wanted)
    return next((place for place in found if place is not None), written.schedule_at)
