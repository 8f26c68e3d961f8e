"""Every video of a folder through our decoder, and through ffprobe and ffmpeg.

    python -m benchmarks.corpus FOLDER [--time-limit 120] [--state FILE]

Compares the number of frames, the time of each (ours is counted from the file's start,
so a constant difference is no fault) and the colours of three frames. Prints a line for
each file that differs or is refused, and a summary. With --state, files that are in
that file already are not run again.
"""

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from model.errors import ModelError
from model.video.decode import decode_in_child
from model.video.frame_spec import MAX_FPS, FrameSpec
from model.video.probe import probe_in_child

SUFFIXES = frozenset(
    "mp4 m4v mov mkv webm ts m2ts mts avi 3gp 3g2 mj2 divx mpg".split()  # noqa: SIM905
)
SIZE = (64, 36)
TIME_TOLERANCE_S = 0.002
COLOUR_TOLERANCE = 12.0
"""Mean difference in levels of 255 that scaling by other ways explains."""

_MAX_STEPS = 2_000_000


@dataclass(frozen=True)
class Outcome:
    """What became of a file: `same`, `differs`, `refused`, `timeout` or `neither`.

    `neither`: ffmpeg finds no video in it either.
    """

    kind: str
    detail: str = ""


@dataclass(frozen=True)
class Decoded:
    """What we made of a file.

    Attributes:
        count: of frames that were decoded.
        times_s: of the frames that were steps: all, unless some lie closer together
            than a thousandth of a second.
        pictures: some, by number of the frame.
    """

    count: int
    times_s: list[float]
    pictures: dict[int, NDArray[np.uint8]]


class Timeout(Exception):
    """A file took longer than allowed."""


def main() -> None:
    """Compare, and print what differs."""
    options = _parse_options()
    for program in ("ffprobe", "ffmpeg"):
        if shutil.which(program) is None:
            sys.exit(f"{program} is not on the PATH; install FFmpeg.")
    files = sorted(
        path
        for path in options.folder.rglob("*")
        if path.is_file() and path.suffix.lower().lstrip(".") in SUFFIXES
    )
    known = _read_state(options.state)
    counts: Counter[str] = Counter()
    for number, path in enumerate(files, start=1):
        name = str(path.relative_to(options.folder))
        print(f"\r{number}/{len(files)} {name[-60:]:60}", end="", file=sys.stderr)
        outcome = known.get(name)
        if outcome is None:
            outcome = compare(path, time_limit_s=options.time_limit)
            _note(options.state, name, outcome)
        counts[outcome.kind] += 1
        if outcome.kind != "same":
            print(f"\r{outcome.kind}: {name}: {outcome.detail}", flush=True)
    print(file=sys.stderr)
    parts = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
    print(f"{len(files)} files: {parts or 'none is a video'}")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--time-limit", type=float, default=120.0, help="s a file")
    parser.add_argument("--state", type=Path, help="what is done; to go on later")
    return parser.parse_args()


def _read_state(path: Path | None) -> dict[str, Outcome]:
    if path is None or not path.is_file():
        return {}
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return {line.pop("file"): Outcome(**line) for line in lines}


def _note(path: Path | None, name: str, outcome: Outcome) -> None:
    if path is not None:
        with path.open("a") as file:
            file.write(json.dumps({"file": name, **asdict(outcome)}) + "\n")


def compare(path: Path, *, time_limit_s: float) -> Outcome:
    """Decode a file in both ways and say how they differ."""
    deadline = time.monotonic() + time_limit_s
    try:
        theirs_s = _ffprobe_times(path, time_limit_s)
        wanted = _some(len(theirs_s))
        ours = _ours(path, theirs_s, wanted, deadline)
    except ModelError as exc:
        return Outcome("refused" if theirs_s else "neither", f"{exc}")
    except (Timeout, subprocess.TimeoutExpired):
        return Outcome("timeout", f"after {time_limit_s:g} s")
    if not theirs_s:
        return Outcome("differs", f"{ours.count} frames, ffprobe finds none")
    faults = list(_time_faults(ours, theirs_s))
    if not faults:
        try:
            faults += _colour_faults(path, ours, time_limit_s)
        except subprocess.TimeoutExpired:
            faults.append("ffmpeg took too long for the colours")
    return Outcome("differs", "; ".join(faults)) if faults else Outcome("same")


def _some(count: int) -> set[int]:
    return {0, count // 2, count - 1} if count else set()


def _ours(
    path: Path, theirs_s: list[float], wanted: set[int], deadline: float
) -> Decoded:
    def check() -> None:
        if time.monotonic() > deadline:
            raise Timeout

    facts = probe_in_child(path, on_wait=check)
    spec = FrameSpec(*SIZE, fps=_dense_rate(theirs_s, facts.duration_s))
    times: dict[int, float] = {}
    pictures: dict[int, NDArray[np.uint8]] = {}
    with decode_in_child(path, spec, on_wait=check) as steps:
        for step in steps:
            check()
            times.setdefault(step.frame, step.time_s)
            if step.frame in wanted and step.frame not in pictures:
                pictures[step.frame] = step.image
        count = steps.tally.frames if steps.tally else len(times)
    return Decoded(count, list(times.values()), pictures)


def _dense_rate(times_s: list[float], duration_s: float) -> float:
    """Return a rate of steps at which no frame is passed over."""
    gaps = np.diff(np.unique(times_s)) if len(times_s) > 1 else np.array([])
    shortest_s = float(gaps[gaps > 1e-4].min()) if (gaps > 1e-4).any() else 1 / 60
    return float(min(MAX_FPS, 2.5 / shortest_s, _MAX_STEPS / max(duration_s, 1.0)))


def _ffprobe_times(path: Path, time_limit_s: float) -> list[float]:
    """Return ffprobe's time of each frame of the stream that is the video."""
    command = ["ffprobe", "-v", "error", "-select_streams", "V:0", "-show_entries"]
    command += ["frame=best_effort_timestamp_time", "-of", "csv=p=0", str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=time_limit_s, check=False
    )
    fields = [line.split(",")[0].strip() for line in done.stdout.splitlines()]
    return [float(one) if one != "N/A" else float("nan") for one in fields if one]


def _time_faults(ours: Decoded, theirs_s: list[float]) -> Iterator[str]:
    if ours.count != len(theirs_s):
        yield f"{ours.count} frames for ffprobe's {len(theirs_s)}"
        return
    if len(ours.times_s) != ours.count:
        yield f"{ours.count - len(ours.times_s)} frames too close to their neighbours"
        return
    away = np.array(ours.times_s) - np.array(theirs_s)
    away -= np.nanmedian(away)
    wrong = np.flatnonzero(np.abs(away) > TIME_TOLERANCE_S)
    if len(wrong):
        first = int(wrong[0])
        yield (
            f"{len(wrong)} of {ours.count} times, the first at frame {first} "
            f"({away[first]:+.3f} s), the last off by {away[wrong[-1]]:+.3f} s"
        )


def _colour_faults(path: Path, ours: Decoded, time_limit_s: float) -> Iterator[str]:
    numbers = sorted(ours.pictures)
    terms = "+".join(f"eq(n\\,{number})" for number in numbers)
    scale = f"scale={SIZE[0]}:{SIZE[1]}:flags=area"
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-map", "0:V:0"]
    command += ["-vf", f"select={terms},{scale}", "-fps_mode", "passthrough"]
    command += ["-pix_fmt", "rgb24", "-f", "rawvideo", "-"]
    done = subprocess.run(
        command, capture_output=True, timeout=time_limit_s, check=False
    )
    size = SIZE[0] * SIZE[1] * 3
    theirs = np.frombuffer(done.stdout[: len(done.stdout) // size * size], np.uint8)
    for number, picture in zip(numbers, theirs.reshape(-1, size), strict=False):
        away = np.abs(ours.pictures[number].reshape(-1).astype(int) - picture)
        if away.mean() > COLOUR_TOLERANCE:
            yield f"colours of frame {number} are off by {away.mean():.1f}"


if __name__ == "__main__":
    main()
