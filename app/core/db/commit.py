"""Commit, and know what became of it even if the answer is lost on the way."""

import time

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app.core.db.session import Sessions
from app.core.errors import TouchlineError

PATIENCE_S = 15.0  # how long the database is asked again
ASK_EVERY_S = 0.25

log = structlog.get_logger(__name__)


class OutcomeUnknown(TouchlineError):
    """Nobody could be asked whether the transaction was committed."""


def commit_for_sure(session: Session, *, sessions: Sessions) -> bool:
    """Commit a session; if the answer does not come, ask over a fresh connection.

    A connection that is cut during COMMIT leaves the transaction committed, aborted
    or still going on.

    Returns:
        Whether it was committed; if not, it never will be.

    Raises:
        OutcomeUnknown: the database could not tell in time.
    """
    transaction = session.scalar(text("select pg_current_xact_id()::text"))
    try:
        session.commit()
    except SQLAlchemyError as exc:
        log.warning("commit_unanswered", transaction=transaction, error=str(exc))
        return _was_committed(str(transaction), sessions)
    return True


def _was_committed(transaction: str, sessions: Sessions) -> bool:
    status = text("select pg_xact_status(cast(:transaction as text)::xid8)")
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            with sessions() as session:
                found = session.scalar(status, {"transaction": transaction})
        except SQLAlchemyError as exc:
            log.warning("outcome_unknown_yet", transaction=transaction, error=str(exc))
        else:
            if found in ("committed", "aborted"):
                return bool(found == "committed")
        time.sleep(ASK_EVERY_S)
    raise OutcomeUnknown(f"transaction {transaction} was committed or not")
