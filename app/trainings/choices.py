"""What a training is asked for, held against what there is: base, types, hold-out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from app.checkpoints.catalogue import check_model, find_manifest
from app.core.errors import RULE, InvalidRequest, UnknownModel, UnknownType
from app.core.settings import Settings
from app.trainings.holdout import HoldoutPlan
from app.trainings.options import TrainingOptions
from app.trainings.problems import NothingReviewed
from app.trainings.readiness import Finding
from app.trainings.reviewed_data import Counts, ReviewedData, added, mapped
from model.checkpoint.archive import SUFFIX
from model.checkpoint.library import find_named
from model.checkpoint.manifest import Manifest
from model.errors import BadCheckpoint

FPS_TOLERANCE = 0.05  # of rates that are written with few digits


@dataclass(frozen=True, slots=True)
class Base:
    """The checkpoint that a training starts from.

    Attributes:
        name: with its version.
    """

    name: str
    manifest: Manifest


def find_base(wanted: str | None, settings: Settings) -> Base:
    """Find the checkpoint to start from; of a name without version the newest.

    Args:
        wanted: its name; None: the service's default.

    Raises:
        UnknownModel: there is none, or its file cannot be read.
    """
    folder = settings.data_dir / "models"
    try:
        path = find_named(wanted, folder, chosen=settings.model)
    except BadCheckpoint as exc:
        if wanted is not None:
            check_model(wanted, settings)  # Its message lists what is installed.
        raise UnknownModel(f"base: {exc}.") from exc
    name = path.name.removesuffix(SUFFIX)
    check_model(name, settings)
    return Base(name, find_manifest(name, settings))


def check_types(
    options: TrainingOptions, base: Base | None, data: ReviewedData
) -> Counts:
    """Hold types and mapping against the data and the base.

    Returns:
        The counts of the types that are to be learned, as they are mapped.

    Raises:
        InvalidRequest: the mapping names what is not there, or contradicts itself.
        UnknownType: a type is neither in the data nor the base's.
    """
    labels = _labels_kept(options, base)
    known = list(dict.fromkeys([*labels, *data.counts]))
    _check_mapping(options, known)
    counts = mapped(data.counts, options.mapping)
    if options.types is None:
        return counts
    there = {options.mapping.get(label, label) for label in known} - {None}
    unknown = [one for one in options.types if one not in there]
    if unknown and unknown[0] in options.mapping and unknown[0] in known:
        target = options.mapping[unknown[0]]
        raise InvalidRequest(
            f"types: {unknown[0]!r} is asked for, and the mapping "
            + ("drops it" if target is None else f"makes it {target!r}")
            + ": take it out of one of the two.",
            kind=RULE,
        )
    if unknown:
        told = ", ".join(sorted(one for one in there if one)) or "none"
        raise UnknownType(
            f"types: nothing of the type {unknown[0]!r} is reviewed, and the base does "
            f"not know it. There are {told}. Label some, or leave it out.",
            types=sorted(one for one in there if one),
        )
    return {label: one for label, one in counts.items() if label in options.types}


def _labels_kept(options: TrainingOptions, base: Base | None) -> Sequence[str]:
    """List the types of the base, where its head is kept."""
    if base is None or options.start != "base":
        return ()
    return base.manifest.labels


def _check_mapping(options: TrainingOptions, known: Iterable[str]) -> None:
    names = list(known)
    for source, target in options.mapping.items():
        if source not in names:
            raise InvalidRequest(
                f"mapping: there is no type {source!r} to map; there are "
                f"{', '.join(names) or 'none'}.",
                kind=RULE,
            )
        if target is None or target == source:
            continue
        if target in options.mapping and options.mapping[target] != target:
            raise InvalidRequest(
                f"mapping: {source!r} becomes {target!r}, which is mapped itself: name "
                f"what {source!r} is to become in the end.",
                kind=RULE,
            )
        if options.types is not None and target not in options.types:
            raise InvalidRequest(
                f"mapping: {source!r} becomes {target!r}, which is not among the types "
                f"that are asked for: add it to them, or map {source!r} to null.",
                kind=RULE,
            )


def check_holdout(options: TrainingOptions, data: ReviewedData) -> None:
    """Make sure that something is left to train with, and something to judge by.

    Raises:
        InvalidRequest: a video that is to be held out is not used, all of them are, or
            they have no event of the types.
    """
    if options.holdout is None or not options.holdout.videos:
        return
    by_id = {str(one.id): one for one in data.videos}
    for wanted in options.holdout.videos:
        if wanted not in by_id:
            raise InvalidRequest(
                f"holdout: the video {wanted} is not among those of this training, or "
                "nothing of it is reviewed.",
                kind=RULE,
            )
    match_of = data.match_of
    held = {match_of[by_id[one].id] for one in options.holdout.videos}
    if not set(match_of.values()) - held:
        raise InvalidRequest(
            "holdout: every match would be held out, also as the other half of one; "
            "none is left to learn from. Hold out fewer, or review another match.",
            kind=RULE,
        )
    in_holdout = (one.counts for one in data.videos if match_of[one.id] in held)
    found = mapped(added(in_holdout), options.mapping)
    types = found.keys() if options.types is None else options.types
    if not any(one.events for label, one in found.items() if label in types):
        of_types = "" if options.types is None else f" of {', '.join(options.types)}"
        raise InvalidRequest(
            f"holdout: what is held out has no event{of_types}, so that nothing could "
            "be judged. Hold out a match with events.",
            kind=RULE,
        )


def check_parts(
    options: TrainingOptions, base: Base | None, counts: Counts, plan: HoldoutPlan
) -> list[Finding]:
    """Make sure that events of the types are left to learn from.

    Args:
        counts: of the types that are to be learned, as they are mapped.

    Returns:
        What is to be told of types that would not be learned.

    Raises:
        InvalidRequest: what is to be held out leaves none; or none of a type that is
            asked for, and that the base does not know.
        NothingReviewed: the usual split leaves none.
    """
    learned = {options.mapping.get(label, label) for label in plan.train}
    events = {label: one.events for label, one in counts.items() if one.events}
    lost = {label: n for label, n in events.items() if label not in learned}
    if lost and len(lost) == len(events):
        raise _nothing_left(options, list(lost))
    known = {options.mapping.get(one, one) for one in _labels_kept(options, base)}
    for label, count in lost.items():
        if options.types is not None and label not in known:
            raise InvalidRequest(f"types: {_not_learned(label, count)}", kind=RULE)
    told = [_not_learned(label, count) for label, count in lost.items()]
    return [Finding("type-not-reviewed", one[:1].upper() + one[1:]) for one in told]


def _nothing_left(
    options: TrainingOptions, labels: Sequence[str]
) -> InvalidRequest | NothingReviewed:
    of_types = ", ".join(labels)
    if options.holdout is not None:
        return InvalidRequest(
            f"holdout: what is held out leaves no event of {of_types} to learn from. "
            "Hold out something else, or review more.",
            kind=RULE,
        )
    return NothingReviewed(
        f"Once a part is held out to judge by, no event of {of_types} is left to learn "
        "from. Review more of it, or say what is to be held out."
    )


def _not_learned(label: str, count: int) -> str:
    all_of_it = "its only one is" if count == 1 else f"all {count} of it are"
    return (
        f"no event of {label} would be learned from: {all_of_it} held out, or next to "
        "what is. Hold out something else, review more of it, or leave it out."
    )


def rate_finding(base: Base | None, data: ReviewedData) -> Finding | None:
    """Tell of videos with fewer frames a second than the base takes steps."""
    if base is None:
        return None
    steps = base.manifest.frame_spec.fps
    slow = [
        one
        for one in data.videos
        if one.fps is not None and one.fps < steps * (1 - FPS_TOLERANCE)
    ]
    if not slow:
        return None
    named = ", ".join(f"{one.title} ({one.fps:g})" for one in slow[:3])
    more = f" and {len(slow) - 3} more" if len(slow) > 3 else ""
    return Finding(
        "frame-rate",
        f"The base takes {steps:g} steps a second; these have fewer frames: {named}"
        f"{more}. They are used as they are, and found less exactly.",
    )
