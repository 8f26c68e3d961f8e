"""What is sent of reports, and what a client asks for."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from app.core.http.schemas import Links, Page
from app.jobs.schemas import JobError, Status
from app.jobs.tables import Job as JobRow
from app.reports.content import DEFAULT_STILLS, MAX_STILLS, ReportOptions
from app.reports.tables import Report as ReportRow

Name = Annotated[str, Field(min_length=1, max_length=200)]


class NewReport(BaseModel):
    """What goes into a report."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"key_types": ["SHOT"], "stills": 12}]},
    )

    key_types: list[Name] = Field(
        [],
        max_length=100,
        description="Types of key events, in upper or lower case. Empty: goals, shots, "
        "penalties and cards or, if none is there, the rarest type.",
    )
    stills: int = Field(
        DEFAULT_STILLS,
        ge=0,
        le=MAX_STILLS,
        description="Pictures of key events at most: of the surest ones.",
    )
    only_confirmed: bool = Field(
        False, description="Leave out what no person accepted, changed or added."
    )
    changes_ends: bool = Field(
        False, description="As for `GET /videos/{id}/statistics`."
    )

    @property
    def options(self) -> ReportOptions:
        """What goes into it."""
        return ReportOptions(
            self.key_types, self.stills, self.changes_ends, self.only_confirmed
        )


class ReportLinks(Links):
    """Addresses that belong to a report."""

    self: str
    video: str
    job: str
    file: str | None = Field(description="Null until it is made.")


class Report(BaseModel):
    """A report of a match, made of the timeline as it was when somebody asked."""

    id: UUID
    video_id: UUID
    job_id: UUID
    status: Status = Field(description="Of its job.")
    progress: float = Field(ge=0, le=1)
    error: JobError | None
    key_types: list[str]
    stills: int
    only_confirmed: bool
    changes_ends: bool
    size_bytes: int | None = Field(description="Of the file.")
    created_by: str
    created_at: datetime
    links: ReportLinks

    @classmethod
    def of(cls, report: ReportRow, job: JobRow) -> Self:
        """Read a row."""
        own = f"/reports/{report.id}"
        error = None
        if job.error_code is not None:
            error = JobError(
                code=job.error_code,
                detail=job.error_detail or "",
                retryable=bool(job.error_retryable),
            )
        return cls.model_validate(
            {
                **report.options,
                "id": report.id,
                "video_id": report.video_id,
                "job_id": report.job_id,
                "status": job.status,
                "progress": job.progress,
                "error": error,
                "size_bytes": report.size_bytes,
                "created_by": report.created_by,
                "created_at": report.created_at,
                "links": {
                    "self": own,
                    "video": f"/videos/{report.video_id}",
                    "job": f"/jobs/{report.job_id}",
                    "file": f"{own}/file" if report.file_key else None,
                },
            }
        )


class ReportPage(Page[Report]):
    """A video's reports, the newest first."""
