"""How webhook messages are signed, and where the secret is kept."""

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import tempfile
from collections.abc import Mapping
from pathlib import Path

from app.core.errors import StartFailed
from app.core.settings import Settings

SECRET_PREFIX = "whsec_"  # noqa: S105  # the public prefix, no secret


SECRET_FILE = "webhook_secret"  # noqa: S105  # a file's name


SECRET_BYTES = 32  # Standard Webhooks asks for 24 to 64.


def sign(
    *signers: str, message_id: str, timestamp_s: int, body: bytes
) -> Mapping[str, str]:
    """Make the three headers of Standard Webhooks 1.0 for one attempt.

    Args:
        signers: secrets; of several, each signs, and the receiver takes any.

    Raises:
        ValueError: a secret is not `whsec_` followed by base64.

    Source: standard-webhooks spec 1.0, symmetric scheme `v1`.
    """
    signed = b".".join([message_id.encode(), str(timestamp_s).encode(), body])
    digests = (
        hmac.new(secret_key(secret), signed, hashlib.sha256).digest()
        for secret in signers
    )
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(
            f"v1,{base64.b64encode(digest).decode()}" for digest in digests
        ),
    }


def secret_key(secret: str) -> bytes:
    """Read the bytes of a `whsec_...` secret.

    Raises:
        ValueError: the prefix is missing or the rest is no base64 of 16+ bytes.
    """
    if not secret.startswith(SECRET_PREFIX):
        raise ValueError("a webhook secret starts with whsec_")
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error as exc:
        raise ValueError("a webhook secret is whsec_ followed by base64") from exc
    if len(key) < 16:
        raise ValueError("a webhook secret holds at least 16 bytes")
    return key


def webhook_secret(settings: Settings) -> str:
    """Tell the secret in use: the configured one, else the one of the data directory.

    Raises:
        StartFailed: the configured secret is malformed, or none can be kept.
    """
    if settings.webhook_secret is None:
        return load_or_make_secret(settings.data_dir)
    secret = settings.webhook_secret.get_secret_value()
    try:
        secret_key(secret)
    except ValueError as exc:
        raise StartFailed(f"TOUCHLINE_WEBHOOK_SECRET cannot be used: {exc}") from exc
    return secret


def load_or_make_secret(data_dir: Path) -> str:
    """Read the data directory's secret; make it first (mode 0600) if there is none.

    Two processes that start at once end with the same secret: the file appears whole
    or not at all, and the first one stays.

    Raises:
        StartFailed: the file cannot be read or written, or holds something else.
    """
    path = data_dir / SECRET_FILE
    try:
        if not path.exists():
            _write_once(path, _new_secret())
        secret = path.read_text().strip()
        secret_key(secret)
    except (OSError, ValueError) as exc:
        raise StartFailed(
            f"the webhook secret in {path} cannot be used: {exc}"
        ) from exc
    return secret


def _new_secret() -> str:
    key = base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return f"{SECRET_PREFIX}{key}"


def _write_once(path: Path, text: str) -> None:
    """Put a file in place whole, unless somebody was first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    temporary = Path(name)  # mkstemp made it 0600.
    try:
        with os.fdopen(handle, "w") as file:
            file.write(f"{text}\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(temporary, path)
    except FileExistsError:
        pass  # The other process won; its secret is read.
    finally:
        temporary.unlink(missing_ok=True)
