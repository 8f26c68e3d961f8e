"""Read a file of any format: what it would bring in, and what it leaves open."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypedDict

from model.data.formats.base import EventFormat, ReadOptions
from model.data.formats.clock import Clock, ConstantRate
from model.data.formats.events import (
    ImportedEvent,
    ImportedEvents,
    Need,
    NeedsOption,
    ReadEvent,
    ReadFile,
    ReadVideo,
)
from model.data.formats.moments import locate
from model.data.formats.provenance import Provenance
from model.data.formats.registry import detect, format_named
from model.data.formats.text import TimeFormat
from model.data.formats.units import check_unit
from model.errors import BadAnnotations

RATE_SLACK = 0.005
MISFIT_SHARE = 0.1  # of events, if another unit is the right one


class _Place(TypedDict):
    offset_s: float
    duration_s: float | None


def read_events(
    data: bytes,
    *,
    format: str | None = None,  # as users call it
    suffix: str = "",
    options: ReadOptions | None = None,
    known_labels: Iterable[str] | None = None,
    rename: Mapping[str, str] | None = None,
    offset_s: float = 0.0,
    duration_s: float | None = None,
) -> ImportedEvents:
    """Read the events of one video.

    Nothing is guessed: where a file can be read in two ways, `needs` says which option
    decides, and there are no events. What cannot be taken over is in `problems`.

    Args:
        data: of the file.
        format: its name; None tells it by content and `suffix`.
        suffix: of the file's name, with the dot.
        options: what the file does not say; with a clock, events have frames.
        known_labels: the types there may be; None allows any.
        rename: types by what the file calls them.
        offset_s: is added to all times.
        duration_s: of the video; events beyond it are problems.

    Raises:
        BadAnnotations: the file is not of that format, or damaged.
    """
    options = options or ReadOptions()
    one = format_named(format) if format is not None else detect(data, suffix)
    try:
        file = read_file(data, one, options)
        video = choose_video(file, options)
        clock = clock_for(video, options)
        place: _Place = {"offset_s": offset_s, "duration_s": duration_s}
        check_unit(video.events, _fitting(data, one, options, place), **place)
        events, problems = locate(video.events, clock, **place)
    except NeedsOption as exc:
        need = Need(exc.option, str(exc), exc.choices)
        return ImportedEvents(one.name, needs=(need,))
    named = [
        replace(event, label=(rename or {}).get(event.label, event.label))
        for event in events
    ]
    unmapped, suggestions = _unmapped(named, known_labels)
    return ImportedEvents(
        format=one.name,
        events=tuple(sorted(named, key=lambda event: (event.time_s, event.label))),
        problems=(*file.problems, *problems),
        unmapped=unmapped,
        suggestions=suggestions,
        notes=tuple(file.notes),
        provenance=_moved(video.provenance, offset_s),
    )


def _fitting(
    data: bytes, one: EventFormat, options: ReadOptions, place: _Place
) -> Callable[[TimeFormat], bool] | None:
    """Tell whether events lie in the video if times are of another form.

    None: times have one form only in this format. Where the user has said the form,
    there is no other.
    """
    if not one.has_time_formats:
        return None

    def fits(form: TimeFormat) -> bool:
        if options.time_format is not None:
            return False
        told = replace(options, time_format=form)
        try:
            file = read_file(data, one, told)
            video = choose_video(file, told)
            _, problems = locate(video.events, clock_for(video, told), **place)
        except NeedsOption as exc:
            return exc.option == "fps"
        except BadAnnotations:
            return False
        count = len(video.events)
        return len(file.problems) + len(problems) <= MISFIT_SHARE * count

    return fits


def _moved(provenance: Provenance | None, offset_s: float) -> Provenance | None:
    return None if provenance is None else provenance.moved(offset_s)


def read_file(data: bytes, one: EventFormat, options: ReadOptions) -> ReadFile:
    """Read all videos of a file.

    Raises:
        BadAnnotations: it is not of that format, or the format cannot be read here.
        NeedsOption: see `ReadOptions`.
    """
    if one.read is None:
        raise BadAnnotations(f"is {one.title}, which can be written, not read")
    if not one.is_installed:
        raise BadAnnotations(f"cannot be read: {one.how_to_install}")
    return one.read(data, options)


def choose_video(file: ReadFile, options: ReadOptions) -> ReadVideo:
    """Choose the video that is meant.

    Raises:
        NeedsOption: there are several.
        BadAnnotations: there is none, or none of that name or half.
    """
    videos = file.videos
    counts_halves = any(one.half is not None for one in videos)
    if options.half_starts_s and counts_halves:
        return _joined_halves(videos, options.half_starts_s)
    known_s = options.known_half_starts_s
    if counts_halves and known_s and options.half is None:
        told = ",".join(f"{start_s:g}" for start_s in known_s)
        file.notes.append(
            f"counts from the kick-off of each half: by the match facts at {told} s of "
            "the video (else say `half` 1, or `halves` 0: from the video's start)"
        )
        return _joined_halves(videos, known_s)
    if options.half is not None:
        videos = [one for one in videos if one.half in (None, options.half)]
    if options.video is not None and len(file.videos) > 1:
        videos = [one for one in videos if one.name == options.video]
    if len(videos) == 1:
        return videos[0]
    if not videos:
        known = ", ".join(str(one.name or one.half) for one in file.videos)
        raise BadAnnotations(f"has no events of that video; it has those of: {known}")
    halves = tuple(str(one.half) for one in videos)
    if len({one.name for one in videos}) == 1 and len(set(halves)) == len(videos):
        raise NeedsOption(
            "half",
            "has the events of several halves, whose times each start at zero: say "
            "which half the video is, or when each half starts in it",
            halves,
        )
    names = tuple(str(one.name) for one in videos)
    raise NeedsOption("video", "has the events of several videos: name one", names)


def _joined_halves(
    videos: Sequence[ReadVideo], starts_s: tuple[float, ...]
) -> ReadVideo:
    """Put the halves of a match on the time of the one video that has them all."""
    starts_s = tuple(round(start_s, 3) for start_s in starts_s)
    events: list[ReadEvent] = []
    told: list[Provenance] = []
    for one in videos:
        half = one.half or 1
        if half > len(starts_s):
            raise NeedsOption(
                "half_starts_s",
                f"has events of half {half}: say when that starts in the video",
            )
        events += (
            event
            if event.time_s is None
            else replace(event, time_s=event.time_s + starts_s[half - 1])
            for event in one.events
        )
        if one.provenance is not None:
            told.append(one.provenance.moved(starts_s[half - 1]))
    return ReadVideo(tuple(events), videos[0].name, provenance=_joined(told))


def _joined(told: Sequence[Provenance]) -> Provenance | None:
    """Put together what was told of each half, which differs in what was reviewed."""
    if not told or told[0].reviewed is None:
        return next(iter(told), None)
    reviewed = (span for one in told for span in one.reviewed or ())
    return replace(
        told[0], reviewed=tuple(sorted(reviewed, key=lambda span: span.from_s))
    )


def clock_for(video: ReadVideo, options: ReadOptions) -> Clock | None:
    """Give the clock of the video: the user's, else the rate that the file states.

    Raises:
        BadAnnotations: they contradict each other, and the file counts frames.
    """
    if options.clock is None:
        return ConstantRate(video.fps) if video.fps else None
    ours = options.clock.fps
    counts_frames = any(event.time_s is None for event in video.events)
    if counts_frames and video.fps and ours and abs(video.fps / ours - 1) > RATE_SLACK:
        raise BadAnnotations(
            f"counts frames at {video.fps:g} a second, the video has {ours:g}: its "
            "frames are not the video's. State the video's own rate in the file."
        )
    return options.clock


def _unmapped(
    events: Iterable[ImportedEvent], known_labels: Iterable[str] | None
) -> tuple[dict[str, int], dict[str, str]]:
    if known_labels is None:
        return {}, {}
    known = set(known_labels)
    folded = {label.casefold(): label for label in known}
    counts = Counter(event.label for event in events if event.label not in known)
    near = {
        label: folded[label.casefold()]
        for label in counts
        if label.casefold() in folded
    }
    return dict(counts.most_common()), near
