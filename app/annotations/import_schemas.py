"""What an import is answered with."""

from collections import Counter
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from app.annotations.import_plan import Plan
from app.annotations.importing import Planned
from app.timelines.schemas import EventStateName
from model.data.formats.events import ImportedEvent

MAX_LISTED = 200  # of problems and duplicates, one by one; all are counted


class ImportDuplicate(BaseModel):
    """An event of the file that is left out, for it is there."""

    where: str = Field(description="In the file.", examples=["row 3"])
    type: str
    time_s: float
    event_id: UUID | None = Field(
        description="The event that is there; null: it stands in the file twice."
    )
    state: EventStateName | None = Field(description="Of the event that is there.")


class ImportProblem(BaseModel):
    """A part of the file that cannot be taken over."""

    where: str = Field(description="In the file.", examples=["row 3"])
    detail: str = Field(examples=["has no label."])
    is_outside: bool = Field(
        description="It lies before the video's start or beyond its end."
    )


class UnknownImportType(BaseModel):
    """A type of the file that the video cannot have."""

    type: str
    count: int
    suggestion: str | None = Field(
        description="The type that differs from it in upper and lower case alone."
    )


class ImportReport(BaseModel):
    """What an import did, or, with `preview=true`, would do."""

    is_preview: bool
    format: str
    offset_s: float = Field(description="What was added to all times.")
    first_s: float | None = Field(description="When the file's first event is.")
    last_s: float | None
    duration_s: float | None = Field(description="Of the video.")
    counts: dict[str, int] = Field(description="Events of the file, by type.")
    added: dict[str, int] = Field(description="What is new, by type.")
    added_count: int
    duplicate_count: int
    duplicates: list[ImportDuplicate] = Field(
        description=f"The first {MAX_LISTED} by time."
    )
    unknown_types: list[UnknownImportType] = Field(
        description="Left out; map them with `rename`."
    )
    known_types: list[str] = Field(description="The types that the video can have.")
    problem_count: int
    outside_count: int = Field(
        description="Of those, before the video's start or beyond its end."
    )
    problems: list[ImportProblem] = Field(description=f"The first {MAX_LISTED}.")
    notes: list[str] = Field(description="What else is worth knowing.")
    step: UUID | None = Field(description="Null: nothing was changed.")
    revision: int = Field(description="Of the video; goes up with each step.")

    @classmethod
    def of(
        cls,
        planned: Planned,
        *,
        offset_s: float,
        step: UUID | None = None,
        revision: int | None = None,
        is_preview: bool = False,
    ) -> Self:
        """Tell what a plan comes to."""
        plan = planned.plan
        file, problems = plan.file, plan.problems
        return cls(
            is_preview=is_preview,
            format=file.format,
            offset_s=offset_s,
            first_s=file.events[0].time_s if file.events else None,
            last_s=file.events[-1].time_s if file.events else None,
            duration_s=planned.duration_s,
            counts=dict(file.counts),
            added=_counts(plan.new),
            added_count=len(plan.new),
            duplicate_count=len(plan.duplicates),
            duplicates=[
                ImportDuplicate(
                    where=one.event.where,
                    type=one.event.label,
                    time_s=one.event.time_s,
                    event_id=one.event_id,
                    state=one.state,
                )
                for one in plan.duplicates[:MAX_LISTED]
            ],
            unknown_types=[
                UnknownImportType(
                    type=name, count=count, suggestion=plan.suggestions.get(name)
                )
                for name, count in list(plan.unknown.items())[:MAX_LISTED]
            ],
            known_types=planned.known,
            problem_count=len(problems),
            outside_count=sum(problem.is_outside for problem in problems),
            problems=[
                ImportProblem(
                    where=one.where, detail=one.text, is_outside=one.is_outside
                )
                for one in problems[:MAX_LISTED]
            ],
            notes=_notes(plan),
            step=step,
            revision=planned.revision if revision is None else revision,
        )


def _counts(events: tuple[ImportedEvent, ...]) -> dict[str, int]:
    return dict(Counter(event.label for event in events).most_common())


def _notes(plan: Plan) -> list[str]:
    notes = [f"The file {note.rstrip('.')}." for note in plan.file.notes]
    if any(event.score is not None for event in plan.new):
        notes.append("Scores are not taken over: a person's events have none.")
    return notes
