"""What a video costs as it grows: time for each of its minutes, and memory.

    python -m benchmarks.growth [--minutes 1 10 120] [--video match.mp4] [--height 1080]

A short match is repeated, packet by packet, to the lengths asked for, and given to
`touchline spot` in a process of its own, one length after the other. Memory is the
most that all its processes held together (PSS: what they share counts once), and the
most that the spotting and the decoding process held by themselves, looked at once a
second (a look takes some milliseconds of a core). Flat columns are the point: a match
of two hours should cost 120 times one minute, in the same memory.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import av
import psutil

from benchmarks.decode import draw_match
from benchmarks.machine import processor

LOOK_EVERY_S = 1.0
DRAWN_S = 20


@dataclass(frozen=True, slots=True)
class Held:
    """Memory in bytes (PSS).

    Attributes:
        spotting: held by the process that runs the network.
        decoding: held by its children.
        both: held together.
    """

    spotting: int = 0
    decoding: int = 0
    both: int = 0

    def or_more(self, other: "Held") -> "Held":
        """Give the most of each, which need not have been held at one time."""
        return Held(
            max(self.spotting, other.spotting),
            max(self.decoding, other.decoding),
            max(self.both, other.both),
        )


def main() -> None:
    """Repeat, run, and print a row for each length."""
    options = _parse_options()
    print(f"{datetime.now(UTC):%Y-%m-%d}  {processor()}")
    with tempfile.TemporaryDirectory() as folder:
        source = options.video or Path(folder) / "match.mp4"
        if options.video is None:
            size = (options.height * 16 // 9, options.height)
            draw_match(source, frames=DRAWN_S * 30, size=size)
        print(f"{source.name}, repeated")
        print("                                                       most MiB held by")
        print("minutes      s  s/minute  x real time  processor s/minute", end="")
        print("    all  spotting  decoding")
        for minutes in options.minutes:
            path = Path(folder) / f"{minutes:g}-minutes.mp4"
            repeat(source, path, seconds=minutes * 60)
            seconds, work_s, most = run(path, options.arguments)
            path.unlink()
            print(
                f"{minutes:7g}{seconds:7.0f}{seconds / minutes:10.1f}"
                f"{minutes * 60 / seconds:13.1f}{work_s / minutes:20.1f}"
                f"{most.both / 2**20:7.0f}{most.spotting / 2**20:10.0f}"
                f"{most.decoding / 2**20:10.0f}",
                flush=True,
            )


def repeat(source: Path, path: Path, *, seconds: float) -> None:
    """Copy a video's packets again and again, without encoding them anew."""
    shift = 0
    with av.open(str(path), "w") as out:
        copied = None
        while True:
            with av.open(str(source)) as container:
                stream = container.streams.video[0]
                copied = copied or out.add_stream_from_template(stream)
                longest = 0
                for packet in container.demux(stream):
                    if packet.dts is None or packet.pts is None:
                        continue
                    longest = max(longest, packet.pts + (packet.duration or 0))
                    packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
                    packet.stream = copied
                    time_base = packet.time_base or stream.time_base
                    if time_base and (packet.pts * time_base) >= seconds:
                        return
                    out.mux(packet)
                shift += longest


def run(video: Path, arguments: list[str]) -> tuple[float, float, Held]:
    """Spot a video; return seconds, processor seconds and the most bytes held."""
    touchline = str(Path(sys.executable).with_name("touchline"))
    command = [touchline, "spot", str(video), "--quiet", *arguments]
    started, before = time.perf_counter(), os.times()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    most = Held()
    while process.poll() is None:
        most = most.or_more(_held(process.pid))
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_EVERY_S)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    after = os.times()
    work_s = sum(after[2:4]) - sum(before[2:4])
    return time.perf_counter() - started, work_s, most


def _held(pid: int) -> Held:
    """Look at what a process and all its children hold now."""
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(pid)
        spotting = _bytes_of(parent)
        decoding = sum(map(_bytes_of, parent.children(recursive=True)))
        return Held(spotting, decoding, spotting + decoding)
    return Held()


def _bytes_of(process: psutil.Process) -> int:
    with suppress(psutil.NoSuchProcess):
        held: int = process.memory_full_info().pss
        return held
    return 0


def _parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 10, 120])
    parser.add_argument("--video", type=Path, help="to repeat; else one is drawn")
    parser.add_argument("--height", type=int, default=720, help="of the drawn match")
    parser.add_argument(
        "arguments", nargs="*", help="more for `touchline spot`, after --"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
