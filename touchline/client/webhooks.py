"""Is a webhook message from the service? Standard Webhooks 1.0, scheme `v1`."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from datetime import datetime

from touchline.client.errors import BadSignature
from touchline.client.records import WebhookMessage

PREFIX = "whsec_"
LONGEST_STAMP = 15  # digits; seconds since 1970 have 10


def verify_webhook(
    body: bytes,
    headers: Mapping[str, str],
    secret: str,
    *,
    tolerance_s: float = 300,
) -> WebhookMessage:
    """Check the signature of a message, and read it.

    Args:
        body: of the request, to the byte.
        headers: of the request; case does not matter.
        secret: `whsec_...`, as `touchline keys webhook` prints it.
        tolerance_s: how old, or how far in the future, it may be.

    Raises:
        BadSignature: it is not signed with this secret, or is too old.
        ValueError: `secret` is no secret of webhooks.

    Source: https://www.standardwebhooks.com, the symmetric scheme.
    """
    key = _key(secret)
    sent = {name.lower(): value for name, value in headers.items()}
    try:
        message_id, stamp = sent["webhook-id"], sent["webhook-timestamp"]
        signatures = sent["webhook-signature"].split()
    except KeyError as exc:
        raise BadSignature(f"the message has no header {exc.args[0]}") from None
    is_number = stamp.isdecimal() and len(stamp) <= LONGEST_STAMP
    if not is_number or abs(time.time() - int(stamp)) > tolerance_s:
        raise BadSignature(
            f"the message was signed at {stamp[:20]!r}, more than {tolerance_s:g} "
            "seconds from now"
        )
    signed = b".".join([message_id.encode(), stamp.encode(), body])
    wanted = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest())
    if not any(
        version == "v1" and hmac.compare_digest(digest.encode(), wanted)
        for version, _, digest in (one.partition(",") for one in signatures)
    ):
        raise BadSignature("no signature of the message fits its body and the secret")
    document = json.loads(body)
    return WebhookMessage(
        id=message_id,
        type=document["type"],
        timestamp=datetime.fromisoformat(document["timestamp"]),
        data=document["data"],
    )


def _key(secret: str) -> bytes:
    if not secret.startswith(PREFIX):
        raise ValueError("a webhook secret starts with whsec_")
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error as exc:
        raise ValueError("a webhook secret is whsec_ followed by base64") from exc
