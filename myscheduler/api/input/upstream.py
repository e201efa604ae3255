"""From which chain a manual run has what other jobs hand on to its job."""

from functools import partial

from myscheduler.adapters.store import Connection, Store
from myscheduler.adapters.store.rows import chains as chain_rows
from myscheduler.adapters.store.rows import executions as execution_rows
from myscheduler.api.errors import InvalidInputError
from myscheduler.core.chains.graph import Graph
from myscheduler.core.chains.links import OF_EVERY, handed_on
from myscheduler.core.findings.problem import Complaint, shown
from myscheduler.core.history.execution import Record
from myscheduler.core.job.after import DeclaredAfter
from myscheduler.core.job.job import Job
from myscheduler.messages.message import said
from myscheduler.service.dispatch.chaining import Chains

_LONGEST_ID = 100


async def upstream_of(store: Store, chains: Chains, job_id: str, execution_id: str | None) -> str | None:
    """The id of the chain whose ends count for a manual run of the job; `None` if it needs none.

    Raises `InvalidInputError` if the job uses what others hand on, and the execution or its chain does not have it.
    """
    job = chains.find(job_id)
    if job is None or (execution_id is None and not (job.spec.templates and any(handed_on(job.spec)))):
        return None
    if not isinstance(job.spec.schedule, DeclaredAfter):
        raise _refusal("from-without-after", job_id=shown(job_id))
    if execution_id is None:
        raise _refusal("from-missing", job_id=shown(job_id))
    return await store.read(partial(_chain_of, job=job, execution_id=execution_id, graph=chains.graph))


def _chain_of(connection: Connection, job: Job, execution_id: str, graph: Graph) -> str:
    rows = execution_rows.by_ids(connection, [execution_id.replace("\x00", "\ufffd")[:_LONGEST_ID]])
    if not rows:
        raise _refusal("from-unknown", execution_id=shown(execution_id))
    chain_id = chain_of(rows[0])
    asked = list(handed_on(job.spec))
    ends = chain_rows.ends_in(connection, graph, chain_id, [parent for parent, _ in asked])
    for parent, name in asked:
        end = ends.get(parent)
        if end is None or not end.is_over or (name not in OF_EVERY and name not in (end.extracted or {})):
            raise _refusal("from-without-value", execution_id=shown(execution_id), name=name, job_id=shown(parent))
    return chain_id


def chain_of(record: Record) -> str:
    """The chain that an execution belongs to, or of which it is the only one."""
    return record.link.chain_id if record.link else record.execution_id


def _refusal(code: str, **values: str) -> InvalidInputError:
    return InvalidInputError([Complaint(("from",), "invalid-value", said(code, **values))])
