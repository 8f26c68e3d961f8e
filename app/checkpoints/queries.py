"""Statements about who chose which default, built without a session."""

from sqlalchemy import Select, func, select

from app.checkpoints.tables import ModelChoice

LISTED = 100

# Two choices at once come one after the other: the number stands for their lock.
_LOCK = 0x6D6F64656C


def choices() -> Select[ModelChoice]:
    """The last choices, the newest first."""
    return select(ModelChoice).order_by(ModelChoice.id.desc()).limit(LISTED)


def lock_choices() -> Select[None]:
    """Let nobody else choose until the transaction ends."""
    return select(func.pg_advisory_xact_lock(_LOCK))
