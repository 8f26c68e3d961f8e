"""Certificates made for one test: an authority, and a server and a client of it."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.services import missing

NAMES = "subjectAltName=IP:127.0.0.1,DNS:localhost"


@dataclass(frozen=True)
class Certificates:
    """Files in PEM; the server's name is 127.0.0.1, or localhost."""

    ca: Path
    cert: Path
    key: Path


def make_certificates(folder: Path) -> Certificates:
    """Make an authority and one certificate of it, for a day.

    Skips (in CI: fails) where there is no openssl.
    """
    if shutil.which("openssl") is None:
        missing("no openssl on the PATH")
    ca, ca_key = folder / "ca.crt", folder / "ca.key"
    cert, key = folder / "tls.crt", folder / "tls.key"
    subject = ["-subj", "/CN=of a test", "-days", "1", "-nodes", "-newkey", "ec"]
    subject += ["-pkeyopt", "ec_paramgen_curve:prime256v1"]
    _openssl("req", "-x509", *subject, "-keyout", str(ca_key), "-out", str(ca))
    signed_by = ("-CA", str(ca), "-CAkey", str(ca_key), "-addext", NAMES)
    _openssl(
        *("req", "-x509", *subject, *signed_by, "-keyout", str(key), "-out", str(cert))
    )
    for path in (ca, cert, key):
        path.chmod(0o644)
    return Certificates(ca, cert, key)


def _openssl(*words: str) -> None:
    subprocess.run(["openssl", *words], check=True, capture_output=True, timeout=60)
