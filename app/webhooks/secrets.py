"""Secrets of webhooks: each its own, none of them kept.

A secret is computed from the service's own and a random salt in the webhook's row. So
who reads the database or a backup of it can sign nothing, and a sender that has the
service's secret can sign everything.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from uuid import UUID

from app.webhooks.signing import SECRET_PREFIX, secret_key

SALT_BYTES = 32
FINGERPRINT_CHARS = 16
_PURPOSE = b"touchline webhook secret 1"


class ServiceSecretChanged(Exception):
    """The secret that a webhook was given cannot be computed any more."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What a sender needs, with the service's secret, to sign for a webhook.

    Attributes:
        fingerprint: of the secret by the first salt.
        previous_salt: of the secret before, while that one signs as well.
    """

    webhook_id: UUID
    salt: str
    fingerprint: str
    previous_salt: str | None = None

    def secrets(self, service_secret: str) -> tuple[str, ...]:
        """Compute the secrets to sign with, the newest first.

        Raises:
            ServiceSecretChanged: the service has another secret than when the
                webhook's was made.
        """
        newest = derive_secret(service_secret, self.webhook_id, self.salt)
        if fingerprint_of(newest) != self.fingerprint:
            raise ServiceSecretChanged(
                "the service's webhook secret is not the one that this webhook's "
                "secret was made from: rotate the webhook's secret"
            )
        if self.previous_salt is None:
            return (newest,)
        before = derive_secret(service_secret, self.webhook_id, self.previous_salt)
        return newest, before


def new_salt() -> str:
    """Make a salt, in hexadecimal."""
    return secrets.token_hex(SALT_BYTES)


def derive_secret(service_secret: str, webhook_id: UUID, salt: str) -> str:
    """Compute a webhook's `whsec_...` secret: HMAC-SHA256 by the service's own.

    Raises:
        ValueError: the service's secret is malformed.
    """
    said = b"\0".join([_PURPOSE, webhook_id.bytes, bytes.fromhex(salt)])
    digest = hmac.new(secret_key(service_secret), said, hashlib.sha256).digest()
    return SECRET_PREFIX + base64.b64encode(digest).decode()


def fingerprint_of(secret: str) -> str:
    """Name a secret without telling it."""
    return hashlib.sha256(secret.encode()).hexdigest()[:FINGERPRINT_CHARS]
