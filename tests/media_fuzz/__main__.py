"""Mutated videos through the decoding process.

    python -m tests.media_fuzz [--seed 0] [--seeds 500] [--keep FOLDER]

Each seed is a video, mutated; it is probed and decoded as the product does it. Prints
a line for each that has no proper answer (and keeps its file), and a summary; 1 if
there was one. With the shared videos (`TOUCHLINE_SHARED`) a seed does something else
than without.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.media_fuzz.corpus import draw_corpus, shared_corpus
from tests.media_fuzz.trial import run_seed


def main() -> int:
    """Run the seeds; 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.media_fuzz")
    parser.add_argument("--seed", type=int, default=0, help="the first")
    parser.add_argument("--seeds", type=int, default=500, help="so many")
    parser.add_argument("--minutes", type=float, help="stop after so long")
    parser.add_argument("--keep", type=Path, help="where to keep files with faults")
    given = parser.parse_args()
    folder = given.keep or Path(tempfile.mkdtemp(prefix="media-fuzz-"))
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("SVT_LOG", "1")  # else its encoder prints how it is set
    corpus = {**draw_corpus(folder), **shared_corpus()}
    until = time.monotonic() + 60 * given.minutes if given.minutes else None
    answers: Counter[str] = Counter()
    failed, run, longest_s, most_bytes = [], 0, 0.0, 0
    for seed in range(given.seed, given.seed + given.seeds):
        if until is not None and time.monotonic() > until:
            break
        outcome = run_seed(seed, corpus, folder)
        run += 1
        longest_s = max(longest_s, outcome.seconds)
        most_bytes = max(most_bytes, outcome.peak_bytes)
        answers.update(f"{verb} {what}" for verb, what in outcome.answers.items())
        if outcome.faults:
            failed.append(seed)
            _say(f"seed {seed}, {outcome.name}: {'; '.join(outcome.faults)}")
    for what, count in sorted(answers.items()):
        _say(f"{count:5} {what}")
    _say(
        f"{run} seeds from {given.seed} of {len(corpus)} files, longest "
        f"{longest_s:.1f} s, most memory {most_bytes >> 20} MiB, {len(failed)} "
        f"with faults{f': {failed}, their files in {folder}' if failed else ''}"
    )
    if not failed and given.keep is None:
        folder.rmdir()
    return 1 if failed else 0


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201  # a command


if __name__ == "__main__":
    sys.exit(main())
