"""Fill the frame store for a run, and say what it costs."""

import time
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
from model.reporter import Reporter
from model.training.config import TrainConfig
from model.training.dataset import RandomClips
from model.training.subsets import find_subsets
from model.video.frame_spec import FrameSpec
from model.video.probe import probe_in_child

REPORT_EVERY_S = 10.0


def prepare_all(config: TrainConfig, *, report: Reporter) -> list[PreparedFacts]:
    """Decode what is not in the store yet; report after each match.

    Raises:
        BadAnnotations: a corrupt video, unless those are to be skipped.
        TrainingFailed: the disk is full.
    """
    facts = []
    parts = dict(zip(("train", "val"), find_subsets(config.data), strict=True))
    todo = [(part, match) for part, matches in parts.items() for match in matches]
    for done, (part, match) in enumerate(todo, start=1):
        root = Path(config.data.store) / part
        spec = config.store_spec if part == "train" else config.input
        if prepare_or_skip(match, root, config, spec=spec, report=report):
            facts.append(prepared_facts(root / match.name))
            report(
                f"{done}/{len(todo)}  {part}/{match.name}  {facts[-1].minutes:.1f} min"
            )
    return facts


def prepare_or_skip(
    match: Match, root: Path, config: TrainConfig, *, spec: FrameSpec, report: Reporter
) -> bool:
    """Decode a match into the store; return whether it is there.

    Raises:
        BadAnnotations: the video is corrupt, and the config says to stop.
        TrainingFailed: the disk is full.
    """
    reported_s = time.monotonic()

    def report_progress(steps: int) -> None:
        nonlocal reported_s
        if time.monotonic() - reported_s >= REPORT_EVERY_S:
            reported_s = time.monotonic()
            minutes = steps / spec.fps / 60
            report(f"{root.name}/{match.name}  {minutes:.1f} min decoded so far")

    try:
        if not is_prepared(match, root, spec):
            report(f"decoding {root.name}/{match.name}")
        folder = prepare_match(match, root, spec, on_step=report_progress)
        if damaged := prepared_facts(folder).damaged_packets:
            report(f"{root.name}/{match.name}: {damaged} damaged packets stepped over")
    except TrainingFailed:
        raise
    except ModelError as exc:
        if config.data.on_corrupt == "stop":
            raise BadAnnotations(
                f"{match.video} cannot be decoded: {exc} Mend or remove it, or set "
                "data.on_corrupt to skip."
            ) from exc
        report(f"skipped {match.name}: {exc}")
        return False
    return True


def prepared(
    matches: list[Match],
    root: Path,
    config: TrainConfig,
    *,
    spec: FrameSpec,
    report: Reporter,
) -> tuple[StoredMatch, ...]:
    """Prepare and open matches.

    Raises:
        BadAnnotations: see `prepare_or_skip`, or nothing is left, or events lie
            after the last frame: they would all be taught as that one.
        TrainingFailed: the disk is full.
    """
    stored = []
    for match in matches:
        if prepare_or_skip(match, root, config, spec=spec, report=report):
            in_memory = config.data.in_memory
            found = open_match(match, root, spec, in_memory=in_memory)
            step_s = 1 / spec.fps
            if _reaches_its_labels(found, match, config, step_s=step_s, report=report):
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
    report: Reporter,
) -> bool:
    """Whether no event comes after the last frame, as which it would be taught."""
    end_s = float(stored.time_s[-1]) + step_s
    late = [event for event in match.labels.events if event.time_s > end_s]
    if not late:
        return True
    summary = (
        f"{match.name} ends at {end_s:.1f} s, {len(late)} of its events come later, "
        f"the first at {late[0].time_s:.1f} s:"
    )
    if config.data.on_corrupt == "skip" and probe_in_child(match.video).is_truncated:
        report(f"skipped {summary} the video is cut off.")
        return False
    raise BadAnnotations(
        f"{summary} the video is cut short or the labels are those of another one. "
        "`touchline data check` lists them."
    )


def time_clips(config: TrainConfig, *, count: int) -> float:
    """Read random clips of the training part; give clips a second."""
    root = Path(config.data.store) / "train"
    spec = config.store_spec
    matches = [
        open_match(match, root, spec)
        for match in find_subsets(config.data)[0]
        if is_prepared(match, root, spec)
    ]
    clips = RandomClips(
        matches,
        (),
        config.clips,
        seed=config.run.seed,
        makers={},
        frames_per_step=config.frames_per_step,
    )
    started = time.perf_counter()
    for number in range(count):
        clips.draw(number)
    return count / (time.perf_counter() - started)
