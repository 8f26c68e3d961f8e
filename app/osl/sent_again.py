"""Requests for inference that are sent again: what tells them apart, and their keys."""

import hashlib

from sqlalchemy import select

from app.core.errors import IdempotencyKeyReused
from app.core.resources import Resources
from app.idempotency.service import is_key
from app.osl.schemas import NewInference
from app.osl.tables import OslJob


def made_before(key: str, fingerprint: str, resources: Resources) -> OslJob | None:
    """Find what a request with this key made; None: nothing yet.

    Raises:
        IdempotencyKeyReused: the key belongs to another request.
    """
    with resources.sessions() as session:
        row = session.scalars(select(OslJob).where(OslJob.key == key)).one_or_none()
    return None if row is None else check_same(row, fingerprint)


def check_same(row: OslJob, fingerprint: str) -> OslJob:
    """Give what a request made, if it is this one.

    Raises:
        IdempotencyKeyReused: the key belongs to another request.
    """
    if row.fingerprint != fingerprint:
        raise IdempotencyKeyReused(
            "This Idempotency-Key belongs to another inference request."
        )
    return row


def fingerprint_of(wanted: NewInference) -> str:
    """Tell requests apart, but for what the tool calls them."""
    sent = wanted.model_dump_json(exclude={"idempotency_key"})
    return hashlib.sha256(sent.encode()).hexdigest()


def key_of_item(key: str, number: int) -> str:
    """Name what one sample makes; what a tool calls a request may be no key."""
    own = f"osl-{key}-{number}"
    if is_key(own):
        return own
    return f"osl-{hashlib.sha256(key.encode()).hexdigest()}-{number}"
