"""What a training is asked for: plain data, as a row keeps it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self

Start = Literal["base", "trunk", "imagenet", "noise"]
REVIEWED = "reviewed"  # all videos of which something is reviewed

DEFAULT_MINUTES = 45.0


@dataclass(frozen=True, slots=True)
class Holdout:
    """What the model is judged on, and never trained with.

    Attributes:
        videos: ids of whole videos; none: a share is taken.
        share: of the reviewed time; None: as an export splits it.
    """

    videos: tuple[str, ...] = ()
    share: float | None = None


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """How a model is to be trained.

    Attributes:
        start: what of the base is kept: all of it, its trunk alone, or nothing
            (weights from ImageNet, or random ones).
        types: that it is to find; None: the base's and those in the data.
        mapping: types of the base or the data by what they become; None: dropped.
        videos: ids of those whose reviewed stretches are used; None: all.
        minutes: budget of training time.
        holdout: None: as an export splits it.
        seed: of every random choice.
    """

    start: Start = "base"
    types: tuple[str, ...] | None = None
    mapping: Mapping[str, str | None] = field(default_factory=dict)
    videos: tuple[str, ...] | None = None
    minutes: float = DEFAULT_MINUTES
    holdout: Holdout | None = None
    seed: int = 0

    def stored(self) -> dict[str, object]:
        """Give it as JSON, for a row."""
        return {
            **asdict(self),
            "types": None if self.types is None else list(self.types),
            "videos": REVIEWED if self.videos is None else list(self.videos),
            "holdout": _stored_holdout(self.holdout),
        }

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> Self:
        """Read what a row keeps."""
        holdout, videos, types = raw["holdout"], raw["videos"], raw["types"]
        return cls(
            start=raw["start"],
            types=None if types is None else tuple(types),
            mapping=dict(raw["mapping"]),
            videos=None if videos == REVIEWED else tuple(videos),
            minutes=float(raw["minutes"]),
            holdout=holdout
            and Holdout(tuple(holdout.get("videos", ())), holdout.get("share")),
            seed=int(raw["seed"]),
        )


def _stored_holdout(holdout: Holdout | None) -> dict[str, object] | None:
    if holdout is None:
        return None
    if holdout.videos:
        return {"videos": list(holdout.videos)}
    return {"share": holdout.share}
