"""A video in segments: what they cost, and how long several workers would take.

    python -m benchmarks.segments [VIDEO] [--model NAME] [--parts 1 2 4] [--minutes 4]

Scores the video in one piece and then in segments, one after another on an otherwise
idle machine, checks that they find the same, and prints the seconds of each part: the
plan, the segments, the join. Workers beside each other are simulated with these: each
has its own machine, and takes the next segment when it has ended one. Without a video
one is drawn. Downloading the video and loading the checkpoint are left out.

Beside the seconds of all work stand those of the processor, in this process and in
those that decode: on a machine with other work they alone can be compared.
"""

import argparse
import heapq
import resource
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF

from benchmarks.decode import draw_match
from benchmarks.machine import processor
from model.checkpoint.library import find_checkpoint
from model.spotting.predictor import Predictor, load_predictor
from model.spotting.segments import join_segments, plan_segments, spot_segment
from model.spotting.spot_file import SpottedVideo, spot_file
from model.video.probe import probe_in_child
from model.video.step_index import StepIndex
from model.video.step_reading import read_steps_in_child

FPS = 30
SIZE = (448, 252)
WORKERS = (1, 2, 4, 8)
WAKE_S = 0.1  # from a job's end to the next one's claim, where messages are heard


@dataclass(frozen=True, slots=True)
class Parts:
    """Seconds that a video in segments took.

    Attributes:
        plan_s: probe, packets and plan.
        segments_s: of each segment.
        join_s: probe, packets, joining and finding events.
        processor_s: of the processor, for all of it.
    """

    plan_s: float
    segments_s: Sequence[float]
    join_s: float
    processor_s: float

    @property
    def work_s(self) -> float:
        """Seconds of work, whoever does it."""
        return self.plan_s + sum(self.segments_s) + self.join_s

    def makespan_s(self, workers: int, *, wake_s: float = WAKE_S) -> float:
        """Tell how long so many workers take from the claim to the end.

        Args:
            workers: each on a machine of its own, idle at the beginning.
            wake_s: between the end of a job and the claim of what waited for it.
        """
        free_s = [self.plan_s + wake_s] * workers
        for segment_s in self.segments_s:
            heapq.heapreplace(free_s, free_s[0] + segment_s)
        return max(free_s) + wake_s + self.join_s


def main() -> None:
    """Measure and print the tables."""
    asked = _arguments()
    path = find_checkpoint(asked.model)
    predictor = load_predictor(path, engine=asked.engine, threads=asked.threads)
    with tempfile.TemporaryDirectory() as folder:
        video = asked.video or _draw(Path(folder), asked.minutes)
        began, used_s = time.monotonic(), processor_seconds()
        whole = spot_file(video, predictor=predictor)
        whole_s = time.monotonic() - began
        whole_processor_s = processor_seconds() - used_s
        measured = {n: measure(video, predictor, n, whole) for n in asked.parts}
    print(
        f"{processor()}; {video.name}, {whole.facts.duration_s:.0f} s, "
        f"{predictor.manifest.name}, {predictor.engine}: {whole_s:.1f} s in one piece, "
        f"{whole_processor_s:.1f} s of the processor"
    )
    print("segments    plan   longest   join    work  more  processor  more")
    for count, parts in measured.items():
        more = parts.work_s / whole_s - 1
        more_used = parts.processor_s / whole_processor_s - 1
        print(
            f"{count:8}{parts.plan_s:8.2f}{max(parts.segments_s):10.2f}"
            f"{parts.join_s:7.2f}{parts.work_s:8.1f}{more:6.0%}"
            f"{parts.processor_s:11.1f}{more_used:6.0%}"
        )
    print("\nsimulated seconds, and times as fast as one piece\nsegments", end="")
    print(*(f"{count:6} workers" for count in WORKERS))
    for count, parts in measured.items():
        spans = [parts.makespan_s(workers) for workers in WORKERS]
        print(f"{count:8}", *(f"{s:7.1f} {whole_s / s:5.2f}x" for s in spans))


def measure(
    video: Path, predictor: Predictor, parts: int, whole: SpottedVideo
) -> Parts:
    """Run a video in segments and time each part.

    Raises:
        SystemExit: it finds other than `whole` has.
    """
    fps = predictor.manifest.frame_spec.fps
    began, used_s = time.monotonic(), processor_seconds()
    probe_in_child(video)
    index = read_steps_in_child(video, fps)
    planned = plan_segments(index.steps, predictor, parts=parts)
    told = index.to_bytes()
    plan_s = time.monotonic() - began
    scored, segments_s = [], []
    for segment in planned:
        began = time.monotonic()
        its_index = StepIndex.from_bytes(told)
        scored.append(
            spot_segment(video, segment, predictor=predictor, index=its_index)
        )
        segments_s.append(time.monotonic() - began)
    began = time.monotonic()
    probe_in_child(video)
    times = StepIndex.from_bytes(told).frame_times
    timeline, spots = join_segments(scored, predictor=predictor)
    join_s = time.monotonic() - began
    is_same = timeline.to_bytes() == whole.timeline.to_bytes() and spots == whole.spots
    its_times = whole.frame_times
    if not is_same or its_times is None or its_times.to_bytes() != times.to_bytes():
        raise SystemExit(f"{len(planned)} segments find other than one piece")
    return Parts(plan_s, segments_s, join_s, processor_seconds() - used_s)


def processor_seconds() -> float:
    """Tell what this process and its children that have ended took so far."""
    used = (resource.getrusage(who) for who in (RUSAGE_SELF, RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def _draw(folder: Path, minutes: float) -> Path:
    path = folder / "drawn.mp4"
    draw_match(path, frames=round(60 * FPS * minutes), size=SIZE)
    return path


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path, nargs="?", help="drawn, if not given")
    parser.add_argument("--model", help="name or path; else the bundled one")
    parser.add_argument("--engine", default="auto", help="as TOUCHLINE_ENGINE has it")
    parser.add_argument("--threads", type=int, help="of the network")
    parser.add_argument("--parts", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--minutes", type=float, default=4.0, help="of a drawn video")
    return parser.parse_args()


if __name__ == "__main__":
    main()
