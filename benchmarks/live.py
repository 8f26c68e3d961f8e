"""How soon a live spotter answers, with what head-room, and AP against look-ahead.

    python -m benchmarks.live match.mp4 [--model arena-rny002-live] [--seconds 60]
    python -m benchmarks.live match.mp4 --ap FOLDER --models a.touchline b.touchline

Compute latency is from a picture being decoded to what it changes being told, by stage:
waiting for the step before, the network, the spots. Pictures come at the pace of the
match, from a decoder that runs beside. Head-room is how many times the pace the spotter
alone could keep, on the same pictures from memory. Look-ahead, how much video the
network waits for, is a property of the model and stands beside them, never in them.
What became final is held against the events of the same model over the file.
AP is that of `touchline evaluate`: within +-0.5 s, by the checkpoint's own NMS.
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import touchline
from benchmarks.machine import processor
from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import find_checkpoint
from model.data.matches import find_matches
from model.engines.choose import choose_stream
from model.engines.runtime import Floats, Frames, StreamRuntime
from model.evaluation.evaluate import evaluate_checkpoint
from model.spotting.live import LiveChange, LiveSpotter
from model.video.decode import Step, decode_in_child

PERCENTILES = (50, 95, 99)
TOLERANCE_S = 0.5
SAME_S = 0.15  # a step, and what rounding adds
TAIL_S = 3.0  # at the end of the stretch, which the file goes on after


class Timed:
    """An engine whose steps are timed.

    Attributes:
        runtime: the engine.
        taken_s: of each step since it was last emptied.
    """

    def __init__(self, runtime: StreamRuntime) -> None:
        self.runtime = runtime
        self.name, self.delay = runtime.name, runtime.delay
        self.taken_s: list[float] = []

    def reset(self) -> None:
        """Forget the stream so far."""
        self.runtime.reset()

    def step(self, frame: Frames, *, is_video: bool = True) -> dict[str, Floats]:
        """Take the next frame."""
        began = time.perf_counter()
        outputs = self.runtime.step(frame, is_video=is_video)
        self.taken_s.append(time.perf_counter() - began)
        return outputs


def main() -> None:
    """Print the tables."""
    options = _parse_options()
    print(f"{processor()}\n")
    checkpoint = Checkpoint.open(find_checkpoint(options.model))
    runtime = Timed(
        choose_stream(
            checkpoint,
            engine=options.engine,
            precision="auto",
            threads=options.threads,
        )
    )
    _print_latency(checkpoint, runtime, options)
    if options.ap is not None:
        _print_ap(options.ap, options.models or [options.model])


def _print_latency(
    checkpoint: Checkpoint, runtime: Timed, options: argparse.Namespace
) -> None:
    spotter = LiveSpotter(checkpoint.manifest, runtime)
    rows, told = _at_pace(spotter, runtime, options.video, options.seconds)
    changes = len(told)
    print(
        f"{checkpoint.manifest.name} on {spotter.engine}, look-ahead "
        f"{spotter.look_ahead_s:g} s; {len(rows)} steps at {spotter.fps:g} a second, "
        f"{changes} changes told; ms of compute latency:\n"
    )
    print("| stage |", *(f"p{p} |" for p in PERCENTILES), "most |")
    print("|---|---|---|---|---|")
    stages = {name: [row[name] for row in rows] for name in rows[0]}
    for name, values in stages.items():
        cells = [*np.percentile(values, PERCENTILES), max(values)]
        print(f"| {name} |", *(f"{1000 * value:.1f} |" for value in cells))
    most = _most_steps_a_second(checkpoint, runtime.runtime, options.video)
    room = most / spotter.fps
    print(f"\n{most:.0f} steps a second at most: head-room {room:.1f}\n")
    _print_against_file(options, told)


def _print_against_file(
    options: argparse.Namespace, told: Sequence[LiveChange]
) -> None:
    """Hold what became final against the events of the same model over the file."""
    until_s = options.seconds - TAIL_S
    live = [
        (one.label, one.media_s)
        for one in told
        if one.kind == "final" and one.media_s < until_s
    ]
    spotted = touchline.load(options.model).spot(options.video)
    file = [(one.type, one.time_s) for one in spotted.events if one.time_s < until_s]
    left, away_s = list(file), []
    for label, media_s in live:
        near = [one for one in left if one[0] == label]
        best = min(near, key=lambda one: abs(one[1] - media_s), default=None)
        if best is not None and abs(best[1] - media_s) <= SAME_S:
            left.remove(best)
            away_s.append(abs(best[1] - media_s))
    print(
        f"events to {until_s:g} s: {len(live)} live, {len(file)} of the file, "
        f"{len(away_s)} the same within {SAME_S:g} s (at most "
        f"{max(away_s, default=0.0):.3f} s apart), {len(live) - len(away_s)} live "
        f"alone, {len(left)} of the file alone\n"
    )


def _at_pace(
    spotter: LiveSpotter, runtime: Timed, video: Path, seconds: float
) -> tuple[list[dict[str, float]], list[LiveChange]]:
    """Push a video at its own pace; give what each step took, by stage, in seconds."""
    rows: list[dict[str, float]] = []
    changes: list[LiveChange] = []
    with decode_in_child(video, spotter.frame_spec) as decoded:
        for step, due_s in _paced(decoded, seconds):
            runtime.taken_s.clear()
            began = time.perf_counter()
            changes += spotter.push(step.image, step.time_s)
            ended = time.perf_counter()
            network = sum(runtime.taken_s)
            rows.append(
                {
                    "wait for the step before": began - due_s,
                    "network": network,
                    "spots": ended - began - network,
                    "all": ended - due_s,
                }
            )
    changes += spotter.close()
    return rows, changes


def _paced(steps: Iterator[Step], seconds: float) -> Iterator[tuple[Step, float]]:
    """Hold each step back until it would have been played; say when that is."""
    start_s: float | None = None
    for step in steps:
        if step.time_s > seconds:
            return
        if start_s is None:
            start_s = time.perf_counter() - step.time_s
        due_s = start_s + step.time_s
        time.sleep(max(0.0, due_s - time.perf_counter()))
        yield step, due_s


def _most_steps_a_second(
    checkpoint: Checkpoint, runtime: StreamRuntime, video: Path, *, steps: int = 300
) -> float:
    spotter = LiveSpotter(checkpoint.manifest, runtime)
    kept: list[tuple[Frames, float]] = []
    with decode_in_child(video, spotter.frame_spec) as decoded:
        for step in decoded:
            kept.append((step.image.copy(), step.time_s))
            if len(kept) == steps:
                break
    began = time.perf_counter()
    for picture, media_s in kept:
        spotter.push(picture, media_s)
    return len(kept) / (time.perf_counter() - began)


def _print_ap(folder: Path, models: Sequence[str]) -> None:
    matches = find_matches(folder)
    for number, name in enumerate(models):
        report = evaluate_checkpoint(find_checkpoint(name), matches, log=lambda _: None)
        labels = [label for label in report.labels if label.events]
        if number == 0:
            print("| look-ahead s | mAP |", *(f"{x.label} |" for x in labels))
            print("|---|---|" + "---|" * len(labels))
        look_ahead_s = report.manifest.look_ahead_s
        first = "all" if look_ahead_s is None else f"{look_ahead_s:g}"
        cells = [report.mean_ap(TOLERANCE_S), *(x.ap[TOLERANCE_S] for x in labels)]
        print(f"| {first} |", *(f"{value:.3f} |" for value in cells), flush=True)


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--model", default="arena-rny002-live")
    parser.add_argument("--engine", default="auto", help="openvino or torch-cpu")
    parser.add_argument("--threads", type=int, default=1, help="of the engine")
    parser.add_argument("--seconds", type=float, default=60.0, help="of the video")
    parser.add_argument("--ap", type=Path, help="labelled matches, for AP")
    parser.add_argument("--models", nargs="+", help="whose AP; else that of --model")
    return parser.parse_args()


if __name__ == "__main__":
    main()
