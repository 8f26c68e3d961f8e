"""Jobs that go with a row of their own feature; others go with their video."""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import InstrumentedAttribute

from app.jobs.kinds import JobKind


@dataclass(frozen=True, slots=True)
class JobOwner:
    """Tells which jobs of a kind are still somebody's.

    Attributes:
        kind: of the jobs.
        job_id: the column that names them.
    """

    kind: JobKind
    job_id: InstrumentedAttribute[UUID] | InstrumentedAttribute[UUID | None]
