"""How long a reel takes, beside plain ffmpeg on the same file.

    python -m benchmarks.clips [--minutes 4] [--cuts 10] [--rounds 2]

Draws a match in 720p H.264 with sound and makes a reel of cuts of eight seconds, evenly
spread: (a) by the decoding process, exact, smart and copied; (b) by one `ffmpeg` with a
seek for each cut and the filter concat, with the same encoder and options; (c) by
`ffmpeg -c copy`, cut by cut, and the demuxer concat. The times of frames are known
before, as they are in the service. Best of all rounds, by the clock.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import av

from benchmarks.machine import processor
from model.video.clips import cut_in_child
from model.video.cuts import Cut, CutMode, Moment, plan_cuts
from model.video.frame_times import FrameTimes
from model.video.timing import time_frames_in_child
from tests.sounds import beep
from tests.videos import draw_video, match_picture

ENCODER = "-c:v libx264 -preset veryfast -crf 20 -maxrate 10M -bufsize 20M -bf 0"
SOUND = "-c:a aac -b:a 128k -ar 48000 -ac 2"


def main() -> None:
    """Draw, time, and print the table."""
    options = _parse_options()
    with tempfile.TemporaryDirectory() as folder:
        path = _draw(Path(folder), minutes=options.minutes)
        times = time_frames_in_child(path).frame_times
        step_s = times.until_s / (options.cuts + 1)
        moments = [
            Moment(str(number), step_s * (number + 1)) for number in range(options.cuts)
        ]
        cuts = plan_cuts(moments, times, lead_s=5, lag_s=3)
        length_s = sum(cut.end_s(times) - cut.start_s(times) for cut in cuts)
        print(f"{processor()}, PyAV {av.__version__}")
        print(
            f"{len(cuts)} cuts, {length_s:.0f} s of {times.until_s:.0f} s, 720p H.264"
        )
        ways: dict[str, Callable[[], None]] = {
            "exact": lambda: _ours(path, cuts, times, "exact"),
            "smart": lambda: _ours(path, cuts, times, "smart"),
            "ffmpeg, encoded": lambda: _encoded(path, cuts, times),
            "copy": lambda: _ours(path, cuts, times, "copy"),
            "ffmpeg, copied": lambda: _copied(path, cuts, times),
        }
        best = {
            name: min(_timed(way) for _ in range(options.rounds))
            for name, way in ways.items()
        }
        beside = {"exact": "ffmpeg, encoded", "smart": "ffmpeg, encoded"}
        beside["copy"] = "ffmpeg, copied"
        for name, took_s in best.items():
            other = beside.get(name)
            ratio = "" if other is None else f"{took_s / best[other]:6.2f} of {other}"
            speed = f"{length_s / took_s:6.1f} x real time"
            print(f"{name:>16} {took_s:7.2f} s  {speed}  {ratio}")


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=4)
    parser.add_argument("--cuts", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    return parser.parse_args()


def _draw(folder: Path, *, minutes: float) -> Path:
    """Draw a few seconds, and repeat them without encoding them again."""
    seconds = 10
    bare, short = folder / "bare.mp4", folder / "short.mp4"
    draw_video(
        bare,
        frames=seconds * 30,
        size=(1280, 720),
        key_every=60,
        b_frames=2,
        paint=match_picture,
    )
    beep(short, bare, [1.0], length_s=float(seconds))
    path = folder / "match.mp4"
    loops = max(0, round(minutes * 60 / seconds) - 1)
    _run(f"-stream_loop {loops} -i {short} -c copy {path}")
    return path


def _ours(
    path: Path,
    cuts: Sequence[Cut],
    times: FrameTimes,
    mode: CutMode,
) -> None:
    with (
        tempfile.TemporaryFile() as scratch,
        (path.parent / "own.mp4").open("wb") as to,
    ):
        made = cut_in_child(path, scratch.fileno(), [cuts], times=times, mode=mode)
        if made.mode != mode:
            raise SystemExit(f"the match was cut by {made.mode}, not by {mode}")
        to.writelines(made.pieces(scratch.fileno(), 0))


def _encoded(path: Path, cuts: Sequence[Cut], times: FrameTimes) -> None:
    inputs = " ".join(
        f"-ss {cut.start_s(times):.6f} -t {cut.end_s(times) - cut.start_s(times):.6f} "
        f"-i {path}"
        for cut in cuts
    )
    pairs = "".join(f"[{number}:v][{number}:a]" for number in range(len(cuts)))
    joined = f"{pairs}concat=n={len(cuts)}:v=1:a=1[v][a]"
    target = path.parent / "encoded.mp4"
    _run(
        f"{inputs} -filter_complex {joined} -map [v] -map [a] {ENCODER} {SOUND} "
        f"-movflags +faststart {target}"
    )


def _copied(path: Path, cuts: Sequence[Cut], times: FrameTimes) -> None:
    names = []
    for number, cut in enumerate(cuts):
        start_s, end_s = cut.start_s(times), cut.end_s(times)
        names.append(path.parent / f"part{number}.mp4")
        _run(
            f"-ss {start_s:.6f} -t {end_s - start_s:.6f} -i {path} -c copy {names[-1]}"
        )
    listed = path.parent / "parts.txt"
    listed.write_text("".join(f"file {name}\n" for name in names))
    target = path.parent / "copied.mp4"
    _run(f"-f concat -safe 0 -i {listed} -c copy -movflags +faststart {target}")


def _run(words: str) -> None:
    command = ["ffmpeg", "-v", "error", "-y", "-nostdin", *words.split()]
    subprocess.run(command, check=True)


def _timed(way: Callable[[], None]) -> float:
    began = time.monotonic()
    way()
    return time.monotonic() - began


if __name__ == "__main__":
    main()
