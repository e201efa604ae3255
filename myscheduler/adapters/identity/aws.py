"""Signs requests as AWS asks for, version 4, by botocore (extra `aws`), which is imported when the first is signed."""

from collections.abc import Mapping
from dataclasses import replace

from myscheduler.core.calls.request import Request
from myscheduler.core.calls.tokens import TokenError
from myscheduler.core.header_values import pairs
from myscheduler.core.job.auth import AwsSigV4
from myscheduler.core.secrets.references import resolve
from myscheduler.messages.message import said

_UNSIGNED = frozenset({"user-agent", "traceparent", "tracestate", "expect", "x-amzn-trace-id"})
"""Headers that proxies on the way may change."""


def signed(request: Request, auth: AwsSigV4, values: Mapping[str, str]) -> Request:
    """The request with its signature. Raises `TokenError` if botocore is not installed. Takes long the first time."""
    try:
        from botocore.auth import SigV4Auth  # noqa: PLC0415 - an extra, and slow to import
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415
        from botocore.credentials import Credentials  # noqa: PLC0415
    except ImportError:
        raise TokenError(said("aws-extra-missing")) from None
    credentials = Credentials(
        resolve(auth.access_key_id, values),
        resolve(auth.secret_access_key, values),
        None if auth.session_token is None else resolve(auth.session_token, values),
    )
    given = {name: value for name, value in pairs(request.headers) if name.lower() not in _UNSIGNED}
    made = AWSRequest(method=request.method, url=request.url, data=request.body or b"", headers=given)
    SigV4Auth(credentials, auth.service, auth.region).add_auth(made)
    added = {name: value for name, value in made.headers.items() if name not in given}
    return replace(request, headers={**request.headers, **added})
