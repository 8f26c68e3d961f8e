"""Score some stretches of a video, and not the rest of it.

All frames up to the last stretch are decoded, as a file must be; the network sees only
the stretches, and as much around them as reaches into them.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import ceil, floor
from pathlib import Path

from model.checkpoint.manifest import Manifest
from model.spotting.predictor import Predictor
from model.spotting.session import Session
from model.spotting.timeline import Timeline
from model.spotting.windows import Windows
from model.video.decode import Step, decode_in_child
from model.video.limits import DEFAULT_LIMITS, MediaLimits

Span = tuple[float, float]

# What a step's scores depend on, to each side: the windows that vote on it, and a
# little that the trunk sees across steps.
HALO_CLIPS = 2


def spot_stretches(
    path: Path,
    spans: Iterable[Span],
    *,
    predictor: Predictor,
    limits: MediaLimits = DEFAULT_LIMITS,
    on_progress: Callable[[float], None] | None = None,
) -> list[Timeline]:
    """Score stretches of a video file as a run over all of it would.

    Windows lie where they lie in such a run, so that scores differ by rounding alone.

    Args:
        path: the video.
        spans: from and to, in seconds; any order.
        predictor: a loaded checkpoint.
        limits: what a file may ask of us.
        on_progress: called a few times a second with the share that is done, 0 to 1;
            may raise `Canceled` to stop.

    Returns:
        A timeline for each piece of video that the network saw, in order of time, what
        is around the stretches included. None of them overlap; those of stretches that
        lie behind the end of the video are not there.

    Raises:
        VideoError: the file is at fault.
        DecoderError: the decoding process died or stalled.
        EngineError: the runtime failed.
        Canceled: `on_progress` said so.
    """
    pieces = _pieces(spans, predictor.manifest)
    if not pieces:
        return []
    last = pieces[-1][1]
    done = 0.0

    def wait() -> None:
        if on_progress is not None:
            on_progress(done)

    found: list[Timeline] = []
    with decode_in_child(
        path,
        predictor.manifest.frame_spec,
        limits=limits,
        images_from=pieces[0][0],
        on_wait=wait,
    ) as steps:
        numbered = enumerate(steps)
        for first, end in pieces:
            session = predictor.open_session(on_wait=wait)
            for number, step in _between(numbered, first, end):
                session.push([step])
                done = min((number + 1) / last, 1.0)
            found += _timeline_of(session)
    return found


def _pieces(spans: Iterable[Span], manifest: Manifest) -> Sequence[tuple[int, int]]:
    """Say which steps are looked at: first and end, in order, none touching."""
    fps, clip_len = manifest.frame_spec.fps, manifest.config.clip_len
    hop = Windows.with_share(clip_len, manifest.spotting.overlap).hop
    halo = HALO_CLIPS * clip_len
    joined: list[tuple[int, int]] = []
    for start_s, end_s in sorted(span for span in spans if span[0] < span[1]):
        # Windows lie at multiples of the hop from the first step.
        first = max(floor(start_s * fps) - halo, 0) // hop * hop
        end = ceil(end_s * fps) + 1 + halo
        if joined and first <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((first, end))
    return joined


def _between(
    numbered: Iterator[tuple[int, Step]], first: int, end: int
) -> Iterator[tuple[int, Step]]:
    """Give the steps from `first` on, and stop before `end` is asked for."""
    for number, step in numbered:
        if number >= first:
            yield number, step
        if number + 1 >= end:
            return


def _timeline_of(session: Session) -> list[Timeline]:
    session.close()
    timeline = session.timeline
    return [timeline] if len(timeline) else []
