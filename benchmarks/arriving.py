"""How much earlier an analysis ends that decodes while its file comes from a bucket.

    python -m benchmarks.arriving VIDEO [--mbit 50] [--model arena-rny002] [--rounds 3]

The bucket is a file of this machine that is read at a bounded rate, all requests
together. In turn the file is brought into an empty cache and then analysed, and
analysed while it comes. Prints the seconds of both, in each round.
"""

import argparse
import hashlib
import threading
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from app.core.storage.local_cache import LocalCache
from benchmarks.machine import processor
from model.checkpoint.library import find_checkpoint
from model.spotting.predictor import Predictor, load_predictor
from model.spotting.spot_file import spot_file

CACHE_BYTES = 2**40


class SlowFile:
    """Gives the bytes of a file at a rate that all who read share."""

    def __init__(self, path: Path, mbit: float) -> None:
        self._path, self._bytes_per_s = path, mbit * 1e6 / 8
        self._free_at = 0.0
        self._lock = threading.Lock()

    def read(self, start: int, end: int) -> bytes:
        """Give the bytes from a place to another."""
        with self._lock:
            begins = max(time.monotonic(), self._free_at)
            self._free_at = begins + (end - start) / self._bytes_per_s
            due = self._free_at
        with self._path.open("rb") as file:
            file.seek(start)
            data = file.read(end - start)
        time.sleep(max(0.0, due - time.monotonic()))
        return data


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("--mbit", type=float, default=50.0, help="a second")
    parser.add_argument("--model", default="arena-rny002")
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    size_bytes = words.video.stat().st_size
    print(f"{processor()}; {size_bytes / 1e6:.0f} MB at {words.mbit:g} Mbit/s")
    predictor = load_predictor(find_checkpoint(words.model))
    for _ in range(words.rounds):
        before_s = _measure(words.video, words.mbit, predictor, is_arriving=False)
        arriving_s = _measure(words.video, words.mbit, predictor, is_arriving=True)
        print(
            f"first copied {before_s:.1f} s, while it comes {arriving_s:.1f} s: "
            f"{arriving_s / before_s:.2f} of it",
            flush=True,
        )


def _measure(
    video: Path, mbit: float, predictor: Predictor, *, is_arriving: bool
) -> float:
    read, size_bytes = SlowFile(video, mbit).read, video.stat().st_size
    tag = hashlib.sha256(str(video).encode()).hexdigest()
    with TemporaryDirectory() as folder:
        cache = LocalCache(Path(folder), CACHE_BYTES)
        started = time.monotonic()
        if is_arriving:
            with cache.arriving(tag, size_bytes, read) as copy:
                spot_file(copy.path, predictor=predictor, coming=copy.coming)
        else:
            with cache.holding(tag, size_bytes, read) as path:
                spot_file(path, predictor=predictor)
        return time.monotonic() - started


if __name__ == "__main__":
    main()
