"""One mutated video through the decoding process, and what must hold of the answer."""

import gc
import random
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from model.errors import DecoderCrashed, DecoderStalled, ModelError
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec
from model.video.limits import MediaLimits
from model.video.probe import probe_in_child
from model.video.process import MEMORY_BYTES
from tests.media_fuzz.mutations import mutate

SPEC = FrameSpec(80, 48, fps=30.0)
LIMITS = MediaLimits(max_duration_s=60.0, max_pixels=640 * 480, max_fps=120.0)
STALL_S = 20.0
LIMIT_S = 60.0
"""Of one video, probed or decoded."""


class TooLong(Exception):
    """A video took longer than it may."""


@dataclass(slots=True)
class Outcome:
    """What became of one mutated video.

    Attributes:
        answers: for `probe` and `decode`: `frames` or the name of the error.
        faults: what must not be, in words.
        seconds: the longer of the two.
        peak_bytes: the most memory that a decoding process was seen to have used.
    """

    seed: int
    name: str
    answers: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0
    peak_bytes: int = 0


def run_seed(seed: int, corpus: Mapping[str, bytes], folder: Path) -> Outcome:
    """Mutate a video of the corpus as the seed says, probe it and decode it."""
    dice = random.Random(seed)
    name = dice.choice(list(corpus))
    path = folder / f"{seed}-{name}"
    path.write_bytes(mutate(dice, corpus[name], list(corpus.values())))
    outcome = Outcome(seed, name)
    open_before, before = _open_descriptors(), _children()
    for verb, run in (("probe", _probe), ("decode", _decode)):
        _try(verb, run, path, outcome)
    if _children() - before:
        outcome.faults.append("a process was left")
    if _open_descriptors() > open_before:
        outcome.faults.append("a descriptor was left open")
    if outcome.peak_bytes > MEMORY_BYTES:
        outcome.faults.append(f"{outcome.peak_bytes >> 20} MiB were used")
    if not outcome.faults:
        path.unlink()
    return outcome


def _peak_bytes(pid: int) -> int:
    """Return the most memory a running process has held since it was started.

    `ru_maxrss` will not do: a child begins with its parent's, and that of the children
    is the most of any that ever ended.
    """
    with suppress(OSError):
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    with suppress(psutil.Error):  # Where there is no /proc: what it holds now.
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _try(
    verb: str,
    run: Callable[[Path, Callable[[], None]], None],
    path: Path,
    outcome: Outcome,
) -> None:
    begun = time.monotonic()

    def check() -> None:
        outcome.peak_bytes = max(outcome.peak_bytes, *map(_peak_bytes, _children()), 0)
        if time.monotonic() - begun > LIMIT_S:
            raise TooLong(f"longer than {LIMIT_S:g} s")

    try:
        run(path, check)
        answer = "frames"
    except (DecoderCrashed, DecoderStalled) as exc:
        # Also of the documented kind, but the file is at fault and it is not said.
        answer = type(exc).__name__
        notes = getattr(exc, "__notes__", [])
        outcome.faults.append(f"{verb}: {' '.join([str(exc), *notes])}")
    except ModelError as exc:
        answer = type(exc).__name__
        if not str(exc):
            outcome.faults.append(f"{verb}: {answer} says nothing")
    except Exception as exc:  # noqa: BLE001 - each is a finding.
        answer = type(exc).__name__
        outcome.faults.append(f"{verb}: {answer}: {exc}")
    outcome.answers[verb] = answer
    outcome.seconds = max(outcome.seconds, time.monotonic() - begun)


def _probe(path: Path, check: Callable[[], None]) -> None:
    facts = probe_in_child(path, limits=LIMITS, stall_timeout_s=STALL_S, on_wait=check)
    if not 0 <= facts.duration_s <= LIMITS.max_duration_s:
        raise AssertionError(f"a duration of {facts.duration_s} s")
    if facts.width * facts.height <= 0 or facts.frame_count_estimate < 1:
        raise AssertionError(f"{facts}")


def _decode(path: Path, check: Callable[[], None]) -> None:
    with decode_in_child(
        path, SPEC, limits=LIMITS, stall_timeout_s=STALL_S, on_wait=check
    ) as steps:
        before_s, count = -1.0, 0
        for step in steps:
            check()
            count += 1
            if step.time_s < before_s:
                raise AssertionError(f"{step.time_s} s comes after {before_s} s")
            before_s = step.time_s
            step.image.sum()
        if count == 0 or steps.tally is None or steps.frame_times is None:
            raise AssertionError(f"{count} steps and no error")


def _open_descriptors() -> int:
    gc.collect()
    with suppress(OSError):
        return len(list(Path("/proc/self/fd").iterdir()))
    return 0


def _children() -> set[int]:
    return {child.pid for child in psutil.Process().children()}
