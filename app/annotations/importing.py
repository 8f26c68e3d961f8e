"""Files of events become corrections: read outside the lock, applied in one step."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy.orm import Session

from app.annotations.frame_clock import FrameClock
from app.annotations.import_plan import Plan, plan_import
from app.annotations.known_types import known_labels
from app.annotations.problems import (
    AmbiguousEvents,
    ImportIncomplete,
    UnreadableEvents,
)
from app.annotations.service import (
    Step,
    apply_changes,
    lock_video,
    merged_timeline,
)
from app.annotations.timelines import View
from app.core.db.base import utc_now
from app.core.db.snapshot import snapshot
from app.core.resources import Resources
from app.timelines.tables import Analysis
from app.videos.service import find_video
from app.videos.tables import Video
from model.data.formats.base import ReadOptions
from model.data.formats.clock import ConstantRate, exact_rate
from model.data.formats.events import ImportedEvent, ImportedEvents
from model.data.formats.reading import read_events
from model.errors import BadAnnotations

MAX_EVENTS = 20_000  # of one import; a match has some thousands
NAMED_TYPES = 5  # of those that are not known, in a problem's detail

# How the parameters are called that answer what `ReadOptions` leaves open.
PARAMETERS = {
    "lead_s": "lead_in_s",
    "video": "name",
    "half": "half or halves",
    "half_starts_s": "halves",
}


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """What a request says of its file.

    Attributes:
        form: name of the format; None tells it by content.
        fps: the rate by which the file counts frames; None: the video's own.
        offset_s: is added to all times.
        rename: types by what the file calls them.
        skip_bad: leave out what cannot be taken over, and apply the rest.
        tolerance_ms: an event of the same type so near is the same; None: as set.
        read: further answers.
    """

    form: str | None = None
    fps: float | None = None
    offset_s: float = 0.0
    rename: Mapping[str, str] = field(default_factory=dict)
    skip_bad: bool = False
    tolerance_ms: int | None = None
    read: ReadOptions = field(default_factory=ReadOptions)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and what it was made for.

    Attributes:
        known: the types that the video can have.
        duration_s: of the video.
        revision: of the video when the plan was made.
    """

    plan: Plan
    known: list[str]
    duration_s: float | None
    revision: int


def read_import(
    data: bytes, video_id: UUID, options: ImportOptions, resources: Resources
) -> ImportedEvents:
    """Read a file of a video's events; each has a frame of the video.

    Raises:
        VideoNotFound, FramesUnknown: no video has that id, or its frames are not
            known yet.
        UnreadableEvents: the file cannot be read.
        AmbiguousEvents: it can be read in two ways.
    """
    with snapshot(resources) as session:
        video = find_video(session, video_id)
        if not data:
            raise UnreadableEvents("The body is empty: send the file of events.")
        clock = FrameClock.of(video, resources.storage)
        halves = [float(half["start_s"]) for half in video.halves or ()]
    times = clock.times
    own = None if options.fps is None else ConstantRate(exact_rate(options.fps))
    try:
        file = read_events(
            data,
            format=options.form,
            options=replace(
                options.read, clock=own or times, known_half_starts_s=tuple(halves)
            ),
            rename=options.rename,
            offset_s=options.offset_s,
            duration_s=times.until_s,
        )
    except BadAnnotations as exc:
        raise UnreadableEvents(f"The file {str(exc).rstrip('.')}.") from exc
    for need in file.needs:
        raise _ambiguous(need.option, need.text, need.choices, video)
    if len(file.events) > MAX_EVENTS:
        raise UnreadableEvents(
            f"The file has {len(file.events)} events; an import takes {MAX_EVENTS} at "
            "most: send it in parts."
        )
    if own is None:
        return file
    return replace(file, events=tuple(_at_frame(event, clock) for event in file.events))


def preview_import(
    file: ImportedEvents,
    video_id: UUID,
    options: ImportOptions,
    resources: Resources,
    *,
    without: Iterable[UUID] = (),
) -> Planned:
    """Tell what importing a file would do.

    Args:
        without: events of the timeline that are taken as if they were not there.

    Raises:
        VideoNotFound: it has been deleted meanwhile.
    """
    view = View(resources.settings.match_tolerance)
    with snapshot(resources) as session:
        video = find_video(session, video_id)
        return _plan(
            *(session, video, file, options, resources, view),
            without=frozenset(without),
        )


class ImportStep:
    """The work of a step that adds what is new in a file.

    Attributes:
        planned: what was to be done; None as long as nothing was.
    """

    def __init__(
        self,
        file: ImportedEvents,
        video_id: UUID,
        options: ImportOptions,
        author: str,
        resources: Resources,
    ) -> None:
        self._file, self._video_id, self._options = file, video_id, options
        self._author, self._resources = author, resources
        self.planned: Planned | None = None

    def __call__(self, session: Session, view: View) -> Step:
        """Compare and add, with the video locked: imports at once follow each other.

        Raises:
            ImportIncomplete: something cannot be taken over; nothing was.
        """
        video = lock_video(session, self._video_id)
        self.planned = _plan(
            session, video, self._file, self._options, self._resources, view
        )
        plan = self.planned.plan
        if not (plan.is_complete or self._options.skip_bad):
            raise ImportIncomplete(_what_is_left(plan))
        return apply_changes(
            *(session, video, plan.changes()),
            storage=self._resources.storage,
            view=view,
            author=self._author,
            now=utc_now(),
            action="import",
        )


def _plan(
    session: Session,
    video: Video,
    file: ImportedEvents,
    options: ImportOptions,
    resources: Resources,
    view: View,
    *,
    without: frozenset[UUID] = frozenset(),
) -> Planned:
    timeline = merged_timeline(session, resources.storage, video, view=view)
    shown = video.current_analysis_id
    analysis = None if shown is None else session.get(Analysis, shown)
    in_use = {one.event.label for one in timeline.decisions.values()}
    known = known_labels(session, analysis, resources.storage, in_use=in_use)
    tolerance_ms = options.tolerance_ms
    plan = plan_import(
        file,
        (event for event in timeline.events if event.id not in without),
        known_labels=known,
        tolerance_ms=view.tolerance_ms if tolerance_ms is None else tolerance_ms,
    )
    return Planned(plan, known, video.duration_s, video.revision)


def _at_frame(event: ImportedEvent, clock: FrameClock) -> ImportedEvent:
    """Find the video's own frame of an event that was counted at another rate."""
    return replace(event, frame=clock.times.frame_at(event.time_s))


def _ambiguous(
    option: str, text: str, choices: tuple[str, ...], video: Video
) -> AmbiguousEvents:
    name = PARAMETERS.get(option, option)
    extra: dict[str, object] = {"option": name, "choices": list(choices)}
    if option in ("half", "half_starts_s") and video.halves:
        starts = ",".join(f"{half['start_s']:g}" for half in video.halves)
        extra["halves_of_the_video"] = starts
    one_of = f" ({', '.join(choices)})" if choices else ""
    return AmbiguousEvents(
        f"The file can be read in two ways: {text.rstrip('.')}. The parameter {name} "
        f"decides{one_of}.",
        **extra,
    )


def _what_is_left(plan: Plan) -> str:
    parts = []
    if plan.problems:
        parts.append(f"{len(plan.problems)} events cannot be taken over")
    if plan.unknown:
        names = ", ".join(repr(name) for name in list(plan.unknown)[:NAMED_TYPES])
        parts.append(
            f"{sum(plan.unknown.values())} events are of types that this video does "
            f"not have ({names})"
        )
    return (
        f"{'; '.join(parts)}. Nothing was imported: map types with rename=OLD=NEW, "
        "name the types first (PUT /types), or leave these events out with "
        "skip_bad=true."
    )
