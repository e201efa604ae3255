"""Says what the secrets must hold that replace variables and files in a manifest."""

import re
from collections.abc import Iterator
from urllib.parse import unquote_plus

from myscheduler.core.crontab.credentials import is_credential_variable
from myscheduler.core.crontab.line import Found
from myscheduler.core.crontab.web_call import WebCall
from myscheduler.core.findings.masking import masked_text


def secret_hints(found: Found, call: WebCall, text: str) -> Iterator[str]:
    """What the secrets of variables and files must hold that are in the text of a manifest."""
    encoded = [*call.urls, *call.data, *call.query]
    for secret, name in found.unset.items():
        if (reference := f"${{secret:{secret}}}") in text:
            hint = "" if is_credential_variable(name) else f"; if it is not secret, give it with --set {name}=VALUE"
            yield f"nothing here sets ${name}: it became {reference}, which must hold its value{hint}"
    for secret, (name, value) in found.hidden.items():
        if (reference := f"${{secret:{secret}}}") in text:
            is_decoded = unquote_plus(value) != value and any(reference in piece for piece in encoded)
            decoded = " without its percent-encoding" if is_decoded else ""
            yield f"the credential in ${name} became {reference}, which must hold its value{decoded}"
    for secret, path in found.files.items():
        if (reference := f"${{secret:{secret}}}") in text:
            decoded = ", without percent-encoding" if any(reference in piece for piece in encoded) else ""
            file = masked_text(re.sub(r"\$\{.*?\}|[^ -~]", "…", path))[:100]
            yield f"the content of {file} became {reference}, which must hold it{decoded}"
