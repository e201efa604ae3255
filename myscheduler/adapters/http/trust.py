"""Which certificate authorities the service and the commands trust.

Those of the machine and of certifi; or, if they are set, only those of `SSL_CERT_FILE` and `SSL_CERT_DIR`, as with
OpenSSL and curl. These are checked first: OpenSSL ignores a wrong path, and every call would fail later.
"""

import os
import re
import ssl
from pathlib import Path

import certifi

from myscheduler.core.findings.problem import printable
from myscheduler.errors import SettingError
from myscheduler.machine.causes import reason_of

FILE, FOLDER = "SSL_CERT_FILE", "SSL_CERT_DIR"
_HASHED = re.compile(r"[0-9a-f]{8}\.[0-9]+")
"""The file names by which OpenSSL finds certificates in a folder."""
_PEM = re.compile(rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----")
_DER = b"\x30\x82"
"""The first bytes of a certificate in binary form."""


def tls_context() -> ssl.SSLContext:
    """A client's context that checks host names and certificates. Raises `SettingError` if a variable is wrong."""
    file, folders = os.environ.get(FILE), os.environ.get(FOLDER)
    if not file and not folders:
        context = ssl.create_default_context()
        context.load_verify_locations(certifi.where())
        return context
    if file:
        _check(FILE, file, _file_fault(Path(file)))
    for folder in folders.split(os.pathsep) if folders else ():
        _check(FOLDER, folder, _folder_fault(Path(folder)))
    try:
        return ssl.create_default_context(cafile=file or None, capath=folders or None)
    except ssl.SSLError as error:
        raise SettingError(f"{FILE} is {file}, which holds a certificate that can't be read: replace it") from error


def _check(name: str, path: str, fault: str | None) -> None:
    if fault is not None:
        raise SettingError(f"{name} is {printable(path)!r}, {fault}")


def _file_fault(path: Path) -> str | None:
    if path.is_dir():
        return f"a folder: write a file of certificates in PEM, or put the folder into {FOLDER}"
    try:
        content = path.read_bytes() if path.is_file() or not path.exists() else b""
    except OSError as error:
        return f"which can't be read ({reason_of(error)}): write the path of a file of certificates in PEM"
    if _PEM.search(content):
        return None
    if content.startswith(_DER):
        return f"which is binary (DER), not PEM: convert it with `openssl x509 -inform der -in {path.name} -out ca.pem`"
    return "which holds no certificate in PEM: write the path of a file with BEGIN CERTIFICATE in it"


def _folder_fault(path: Path) -> str | None:
    try:
        names = [one.name for one in path.iterdir()]
    except OSError as error:
        return f"which can't be read ({reason_of(error)}): write the path of a folder of certificates"
    if any(map(_HASHED.fullmatch, names)):
        return None
    return f"a folder without a certificate under the hash of its name: run `openssl rehash {path}`"
