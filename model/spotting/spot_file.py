"""One call from a video file to its spots: probe, decode, network, NMS."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Literal

from model.spotting.predictor import Predictor
from model.spotting.resume import SavedPart, SavedRun, Saving
from model.spotting.session import CannotResume, Session
from model.spotting.spots import Spot
from model.spotting.timeline import Timeline
from model.video.arrival import ComingFile
from model.video.decode import Step, StepStream, decode_in_child
from model.video.frame_times import FrameTimes
from model.video.hardware import Hardware
from model.video.limits import DEFAULT_LIMITS, MediaLimits
from model.video.probe import VideoFacts, probe_in_child
from model.video.source import Tally
from model.video.warnings import corrected_facts, warnings_of

Stage = Literal["probe", "decode", "spot", "store"]

# Between two reports of progress; a cancel is noticed with the next report.
REPORT_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come.

    Attributes:
        stage: what is being done.
        done: share of the video's time that is done, 0 to 1.
        time_s: place in the video, by PTS.
        steps: steps taken so far.
        eta_s: seconds left at the pace so far, None while that is unknown.
    """

    stage: Stage
    done: float
    time_s: float
    steps: int
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class SpottedVideo:
    """What is known of a video after a run.

    Attributes:
        facts: from the probe.
        timeline: the scores of every step.
        spots: what survived thresholds and NMS, earliest first.
        damaged_packets: pieces of the file that the decoder could not use.
        warnings: what was wrong with the file, a sentence by a stable name each.
        frame_times: when each frame of the file is shown.
    """

    facts: VideoFacts
    timeline: Timeline
    spots: list[Spot]
    damaged_packets: int = 0
    warnings: Mapping[str, str] = field(default_factory=dict)
    frame_times: FrameTimes | None = None


def spot_file(
    path: Path,
    *,
    predictor: Predictor,
    limits: MediaLimits = DEFAULT_LIMITS,
    min_score: float | None = None,
    on_facts: Callable[[VideoFacts], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    saving: Saving | None = None,
    hardware: Hardware = "off",
    coming: ComingFile | None = None,
) -> SpottedVideo:
    """Find the spots of a video file, in constant memory whatever its length.

    Decoding runs in a process of its own; when this call ends, by whatever way,
    that process is gone.

    Args:
        path: the video.
        predictor: a loaded checkpoint.
        limits: what a file may ask of us.
        min_score: takes the place of the checkpoint's thresholds.
        on_facts: called as soon as the probe has looked, and again at the end if the
            video's frames turned out to be other than its header says.
        on_progress: called a few times a second; may raise `Canceled` to stop.
        saving: has the run saved while it goes on, and goes on from an earlier one: all
            frames are decoded again, but only those are given to the network that were
            not before. The result is that of an undisturbed run, to the bit.
        hardware: a graphics card's decoder (see `decode_in_child`).
        coming: the file, if its bytes are still coming: it is decoded as they do. Where
            they stop, `on_progress` must raise.

    Raises:
        VideoError: the file is at fault.
        DecoderError: the decoding process died or stalled.
        EngineError: the runtime failed.
        Canceled: `on_progress` said so.
    """
    earlier = None if saving is None else saving.earlier
    report = _Reporter(on_progress, earlier)
    report.enter("probe")
    facts = probe_in_child(path, limits=limits, on_wait=report.tick, coming=coming)
    report.duration_s = facts.duration_s
    if on_facts is not None:
        on_facts(facts)

    def decode(earlier: SavedRun | None) -> tuple[Session, StepStream, list[Spot]]:
        return _run(
            path,
            predictor,
            limits,
            min_score,
            report,
            saving,
            earlier,
            hardware,
            coming,
        )

    try:
        run = decode(earlier)
    except CannotResume:  # Nothing was saved since.
        run = decode(None)
    session, steps, spots = run
    report.finish()
    tally = steps.tally or Tally(until_s=facts.duration_s)
    warnings, damaged = warnings_of(facts, tally), tally.damaged_packets
    final = corrected_facts(facts, tally)
    if final != facts and on_facts is not None:
        on_facts(final)
    return SpottedVideo(
        final, session.timeline, spots, damaged, warnings, steps.frame_times
    )


def _run(
    path: Path,
    predictor: Predictor,
    limits: MediaLimits,
    min_score: float | None,
    report: "_Reporter",
    saving: Saving | None,
    earlier: SavedRun | None,
    hardware: Hardware,
    coming: ComingFile | None,
) -> tuple[Session, StepStream, list[Spot]]:
    """Decode and score a video, or what an earlier run left of it."""
    report.begin(earlier)
    session = predictor.open_session(min_score=min_score, on_wait=report.tick)
    spots: list[Spot] = []
    images_from, saver = 0, None
    if earlier is not None:
        spots += session.resume(earlier.state, earlier.timeline)
        images_from = earlier.state.images_from
    if saving is not None:
        saver = _Saver(saving, session, 0 if earlier is None else len(earlier.timeline))
    with decode_in_child(
        path,
        predictor.manifest.frame_spec,
        limits=limits,
        images_from=images_from,
        on_wait=report.tick,
        hardware=hardware,
        coming=coming,
    ) as steps:
        for step in steps:
            spots += session.push([step])
            report.step(step)
            if saver is not None:
                saver.step(step, report.done)
    return session, steps, spots + session.close()


class _Saver:
    """Saves a run every so many seconds of video, as soon as that is possible."""

    def __init__(self, saving: Saving, session: Session, rows: int) -> None:
        self._saving, self._session = saving, session
        self._rows = rows  # Saved so far.
        self._steps = 0
        self._saved_s: float | None = None

    def step(self, step: Step, done: float) -> None:
        """Save, if it is time to."""
        self._steps += 1
        if self._steps <= self._rows:
            return  # An earlier run saved it.
        if self._saved_s is None:
            self._saved_s = step.time_s if self._rows else 0.0
        if step.time_s - self._saved_s < self._saving.every_s:
            return
        state = self._session.state()
        if state is None:
            return
        timeline = self._session.timeline[self._rows :]
        if not len(timeline):
            return
        if self._saving.save(SavedPart(state, timeline, self._rows, done)):
            self._rows += len(timeline)
        self._saved_s = step.time_s


class _Reporter:
    """Turns steps into progress, a few times a second."""

    def __init__(
        self,
        on_progress: Callable[[Progress], None] | None,
        earlier: SavedRun | None,
    ) -> None:
        self.on_progress = on_progress
        self.stage: Stage = "probe"
        self.duration_s = 0.0
        self.time_s = 0.0
        self.steps = 0
        self.started = self.reported = monotonic()
        self.least = 0.0 if earlier is None else earlier.done

    @property
    def done(self) -> float:
        """Share of the video's time that is done, here or by an earlier run."""
        here = min(self.time_s / self.duration_s, 1.0) if self.duration_s > 0 else 0.0
        return max(here, self.least)

    def begin(self, earlier: SavedRun | None) -> None:
        """Report the beginning of decoding, behind what an earlier run did."""
        self.least = 0.0 if earlier is None else earlier.done
        self.time_s, self.steps = 0.0, 0
        self.enter("decode")

    def enter(self, stage: Stage) -> None:
        """Report the beginning of a stage."""
        self.stage, self.started = stage, monotonic()
        self._report(Progress(stage, self.least, 0.0, 0))

    def step(self, step: Step) -> None:
        """Note a step that was taken."""
        self.stage, self.steps = "spot", self.steps + 1
        self.time_s = step.time_s
        self.tick()

    def tick(self) -> None:
        """Report, unless that was done a moment ago."""
        now = monotonic()
        if now - self.reported < REPORT_EVERY_S:
            return
        done = self.done
        gained = done - self.least
        if gained <= 0:  # So that what is decoded again is not in the pace.
            self.started = now
        eta_s = (now - self.started) * (1 - done) / gained if gained > 0 else None
        self._report(Progress(self.stage, done, self.time_s, self.steps, eta_s))

    def finish(self) -> None:
        """Report that all of the video is done."""
        self._report(Progress("spot", 1.0, self.time_s, self.steps, 0.0))

    def _report(self, progress: Progress) -> None:
        self.reported = monotonic()
        if self.on_progress is not None:
            self.on_progress(progress)
