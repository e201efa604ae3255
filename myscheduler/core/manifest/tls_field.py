"""Checks the field `tls` of a job, and turns it into what it declares."""

import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

from myscheduler.core.caching import cached
from myscheduler.core.findings.masking import REFERENCE
from myscheduler.core.findings.problem import Complaint, Severity
from myscheduler.core.job.transport import Tls
from myscheduler.core.manifest.fields import JobFields
from myscheduler.core.manifest.transport_fields import TlsFields
from myscheduler.core.secrets.references import MARK
from myscheduler.messages.message import said

_PRIVATE = "PRIVATE KEY-----"


def tls_faults(fields: JobFields) -> Iterator[Complaint]:
    """What is wrong with `tls` beyond the shapes of its values. No value is repeated: it may be a private key."""
    tls = fields.tls
    if tls is None:
        return
    for name, text in (("ca", tls.ca), ("certificate", tls.certificate)):
        if text is not None and (fault := _pem_fault(text)):
            yield Complaint(("tls", name), "invalid-value", fault)
    if tls.key is not None and not REFERENCE.fullmatch(tls.key.strip()):
        yield Complaint(("tls", "key"), "literal-credential", said("tls-key-literal"))
    if (tls.certificate is None) != (tls.key is None):
        missing = "key" if tls.key is None else "certificate"
        yield Complaint(("tls",), "schedule", said("tls-both", missing=missing), at_key=True)
    if urlsplit(fields.target_url or "").scheme == "http" and not fields.follow_redirects:
        yield Complaint(("tls",), "no-effect", said("tls-without-https"), Severity.WARNING, at_key=True)


def _pem_fault(text: str) -> str | None:
    if REFERENCE.fullmatch(text.strip()):
        return None
    if _PRIVATE in text:
        return said("tls-private-key")
    return said("tls-pem") if MARK in text or not _is_pem(text) else None


@cached(256)  # thousands of jobs have few authorities, and are checked often
def _is_pem(text: str) -> bool:
    """Whether it is certificates in PEM that TLS can use."""
    if not text.strip() or not text.isascii():
        return False
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        return False
    return True


def declared_tls(fields: TlsFields) -> Tls | None:
    """What it declares; `None` if that is nothing. `fields` have no fault."""
    texts = {name: getattr(fields, name) for name in ("ca", "certificate", "key")}
    tls = Tls(**{name: text.strip() for name, text in texts.items() if text}, verify=fields.verify is not False)
    return tls if tls != Tls() else None
