"""Completes a request before it is sent: the values of secrets, files, credentials, signatures."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from myscheduler.adapters.http.message import parsed_destination
from myscheduler.adapters.identity.identity import Identified, Identity
from myscheduler.adapters.secret_files import Secrets
from myscheduler.adapters.source.attached import AttachedFiles
from myscheduler.core.calls.body import multipart_body
from myscheduler.core.calls.outcome import Failure, Outcome
from myscheduler.core.calls.request import Request, filled, may_refer
from myscheduler.core.calls.signatures import KeyFormError, signature_headers
from myscheduler.core.job.auth import Sign
from myscheduler.core.job.job import Job, Owner
from myscheduler.core.job.payload import Multipart
from myscheduler.core.job.spec import JobSpec
from myscheduler.core.policy.grants import Grants, refused
from myscheduler.core.secrets.redaction import Secret
from myscheduler.core.secrets.references import references_of, resolve
from myscheduler.messages.message import all_of, said


def is_complete(spec: JobSpec, request: Request) -> bool:
    """Whether the request of `build_request` can be sent as it is: a cheap check, as most jobs need nothing more."""
    return (
        spec.auth is None and spec.sign is None and not isinstance(spec.payload, Multipart) and not may_refer(request)
    )


class Preparing:
    """Completes requests with what only this process has."""

    def __init__(
        self,
        secrets: Secrets,
        files: AttachedFiles,
        identity: Identity,
        *,
        grants: Callable[[], Grants],
        now: Callable[[], datetime],
    ) -> None:
        """`grants` returns which secrets jobs of the API may use; it is called for each request with secrets."""
        self._secrets = secrets
        self._files = files
        self._identity = identity
        self._grants = grants
        self._now = now

    async def complete(self, job: Job, request: Request, execution_id: str) -> Identified | Outcome:
        """The request as it is to be sent; or the outcome of the attempt, if anything that it needs can't be had."""
        spec = job.spec
        secrets = await self._secrets_of(job)
        if isinstance(secrets, Outcome):
            return secrets
        request = filled(request, spec, secrets)
        if isinstance(spec.payload, Multipart):
            files = await self._files.read(one.file for one in spec.payload.parts if one.file is not None)
            if isinstance(files, Outcome):
                return files
            values = {name: secret.value for name, secret in secrets.items()}
            request = replace(request, body=multipart_body(spec.payload, execution_id, values, files))
        if spec.sign is not None:
            signed = self._signed(request, spec.sign, secrets, execution_id)
            if isinstance(signed, Outcome):
                return signed
            request = signed
        if spec.auth is None:
            return Identified(request)
        try:
            request = replace(request, url=str(parsed_destination(request.url).url))
        except ValueError as error:
            return Outcome(failure=Failure.INVALID_REQUEST, error=str(error))
        return await self._identity.identify(request, spec.auth, secrets)

    async def _secrets_of(self, job: Job) -> dict[str, Secret] | Outcome:
        names = references_of(job.spec)
        if job.owner is Owner.API and (why := refused(names, self._grants(), job.spec)):
            return Outcome(failure=Failure.SECRET_NOT_ALLOWED, error=all_of(why))
        return await self._secrets.find(names)

    def _signed(self, request: Request, sign: Sign, secrets: dict[str, Secret], execution_id: str) -> Request | Outcome:
        values = {name: secret.value for name, secret in secrets.items()}
        keys = [resolve(key, values) for key in sign.standard_webhooks]
        try:
            headers = signature_headers(execution_id, self._now(), request.body or b"", keys)
        except KeyFormError:
            return Outcome(failure=Failure.AUTH_FAILED, error=said("signing-key-unusable"))
        return replace(request, headers={**request.headers, **headers})
