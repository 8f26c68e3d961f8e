"""Fill the frame store for a run, and say what it costs."""

import time
from collections.abc import Callable
from pathlib import Path

from model.data.frame_store import (
    PreparedFacts,
    StoredMatch,
    is_prepared,
    open_match,
    prepare_match,
    prepared_facts,
)
from model.data.labels import Match
from model.errors import BadAnnotations, ModelError, TrainingFailed
from model.training.config import TrainConfig
from model.training.dataset import RandomClips
from model.training.subsets import find_parts
from model.video.frame_spec import FrameSpec
from model.video.probe import probe_in_child

Say = Callable[[str], None]

TELL_EVERY_S = 10.0


def prepare_all(config: TrainConfig, *, say: Say) -> list[PreparedFacts]:
    """Decode what is not in the store yet; tell after each match.

    Raises:
        BadAnnotations: a corrupt video, unless those are to be skipped.
        TrainingFailed: the disk is full.
    """
    facts = []
    parts = dict(zip(("train", "val"), find_parts(config.data), strict=True))
    todo = [(part, match) for part, matches in parts.items() for match in matches]
    for done, (part, match) in enumerate(todo, start=1):
        root = Path(config.data.store) / part
        spec = config.store_spec if part == "train" else config.input
        if prepare_or_skip(match, root, config, spec=spec, say=say):
            facts.append(prepared_facts(root / match.name))
            say(f"{done}/{len(todo)}  {part}/{match.name}  {facts[-1].minutes:.1f} min")
    return facts


def prepare_or_skip(
    match: Match, root: Path, config: TrainConfig, *, spec: FrameSpec, say: Say
) -> bool:
    """Decode a match into the store; say whether it is there.

    Raises:
        BadAnnotations: the video is corrupt, and the config says to stop.
        TrainingFailed: the disk is full.
    """
    told_s = time.monotonic()

    def tell(steps: int) -> None:
        nonlocal told_s
        if time.monotonic() - told_s >= TELL_EVERY_S:
            told_s = time.monotonic()
            minutes = steps / spec.fps / 60
            say(f"{root.name}/{match.name}  {minutes:.1f} min decoded so far")

    try:
        if not is_prepared(match, root, spec):
            say(f"decoding {root.name}/{match.name}")
        folder = prepare_match(match, root, spec, on_step=tell)
        if damaged := prepared_facts(folder).damaged_packets:
            say(f"{root.name}/{match.name}: {damaged} damaged packets stepped over")
    except TrainingFailed:
        raise
    except ModelError as exc:
        if config.data.on_corrupt == "stop":
            raise BadAnnotations(
                f"{match.video} cannot be decoded: {exc} Mend or remove it, or set "
                "data.on_corrupt to skip."
            ) from exc
        say(f"skipped {match.name}: {exc}")
        return False
    return True


def prepared(
    matches: list[Match],
    root: Path,
    config: TrainConfig,
    *,
    spec: FrameSpec,
    say: Say,
) -> tuple[StoredMatch, ...]:
    """Prepare and open matches.

    Raises:
        BadAnnotations: see `prepare_or_skip`, or nothing is left, or events lie
            after the last frame: they would all be taught as that one.
        TrainingFailed: the disk is full.
    """
    stored = []
    for match in matches:
        if prepare_or_skip(match, root, config, spec=spec, say=say):
            in_memory = config.data.in_memory
            found = open_match(match, root, spec, in_memory=in_memory)
            step_s = 1 / spec.fps
            if _reaches_its_labels(found, match, config, step_s=step_s, say=say):
                stored.append(found)
    if not stored:
        raise BadAnnotations(f"No match of {root.name} could be decoded.")
    return tuple(stored)


def _reaches_its_labels(
    stored: StoredMatch,
    match: Match,
    config: TrainConfig,
    *,
    step_s: float,
    say: Say,
) -> bool:
    """Whether no event comes after the last frame, as which it would be taught."""
    end_s = float(stored.time_s[-1]) + step_s
    late = [event for event in match.labels.events if event.time_s > end_s]
    if not late:
        return True
    told = (
        f"{match.name} ends at {end_s:.1f} s, {len(late)} of its events come later, "
        f"the first at {late[0].time_s:.1f} s:"
    )
    if config.data.on_corrupt == "skip" and probe_in_child(match.video).is_truncated:
        say(f"skipped {told} the video is cut off.")
        return False
    raise BadAnnotations(
        f"{told} the video is cut short or the labels are another's. `touchline data "
        "check` lists them."
    )


def time_clips(config: TrainConfig, *, count: int) -> float:
    """Read random clips of the training part; give clips a second."""
    root = Path(config.data.store) / "train"
    spec = config.store_spec
    matches = [
        open_match(match, root, spec)
        for match in find_parts(config.data)[0]
        if is_prepared(match, root, spec)
    ]
    clips = RandomClips(
        matches, (), config.clips, seed=config.run.seed, finer=config.finer
    )
    started = time.perf_counter()
    for number in range(count):
        clips.draw(number)
    return count / (time.perf_counter() - started)
