"""The picture a network is fed: size, crop and rate, as a checkpoint states them.

Travels in the checkpoint, so that training and serving see the same pixels. Keeps
away from PyAV and torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from model.errors import BadCheckpoint

MAX_SIDE_PX = 4096
MAX_FPS = 1000.0

_KEYS = frozenset({"width", "height", "crop", "fps"})


@dataclass(frozen=True, slots=True)
class FrameSpec:
    """How a decoded frame becomes a network's input.

    The whole picture, turned upright, is scaled to `width` x `height` by area
    averaging (stretched if its aspect differs); then `crop` is cut out.

    Attributes:
        width: of the scaled picture, in pixels.
        height: of the scaled picture, in pixels.
        crop: left, top, width, height inside the scaled picture; None is all of it.
        fps: steps a second that the network was trained at.

    Raises:
        ValueError: a size or rate out of range, or a crop that leaves the picture.
    """

    width: int
    height: int
    crop: tuple[int, int, int, int] | None = None
    fps: float = 15.0

    def __post_init__(self) -> None:
        for name, side in (("width", self.width), ("height", self.height)):
            if not 1 <= side <= MAX_SIDE_PX:
                raise ValueError(f"{name} must be 1 to {MAX_SIDE_PX} px, got {side}")
        if not 0 < self.fps <= MAX_FPS:
            raise ValueError(f"fps must be in (0, {MAX_FPS:g}], got {self.fps}")
        if self.crop is not None and not self._holds(self.crop):
            raise ValueError(
                f"crop {self.crop} leaves the picture of {self.width}x{self.height}"
            )

    @property
    def out_width(self) -> int:
        """Width of what the network sees, in pixels."""
        return self.width if self.crop is None else self.crop[2]

    @property
    def out_height(self) -> int:
        """Height of what the network sees, in pixels."""
        return self.height if self.crop is None else self.crop[3]

    @property
    def step_bytes(self) -> int:
        """Size of one RGB image of this spec, in bytes."""
        return self.out_width * self.out_height * 3

    def to_dict(self) -> dict[str, Any]:
        """Return the spec as JSON-able values."""
        crop = None if self.crop is None else list(self.crop)
        return {
            "width": self.width,
            "height": self.height,
            "crop": crop,
            "fps": self.fps,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "FrameSpec":
        """Read a spec back from JSON values.

        Raises:
            BadCheckpoint: a key is missing or unknown, or a value is out of range.
        """
        strange = sorted(set(data) - _KEYS)
        missing = sorted({"width", "height"} - set(data))
        if strange or missing:
            raise BadCheckpoint(
                f"The checkpoint's input has unknown keys {strange} "
                f"and lacks {missing}."
            )
        try:
            crop = data.get("crop")
            return cls(
                width=_whole(data["width"]),
                height=_whole(data["height"]),
                crop=None if crop is None else _crop_of(crop),
                fps=float(data.get("fps", 15.0)),
            )
        except (TypeError, ValueError) as exc:
            raise BadCheckpoint(f"The checkpoint's input is not usable: {exc}") from exc

    def _holds(self, crop: tuple[int, int, int, int]) -> bool:
        left, top, width, height = crop
        return (
            min(left, top) >= 0
            and min(width, height) >= 1
            and left + width <= self.width
            and top + height <= self.height
        )


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"expected a whole number, got {value!r}")
    return value


def _crop_of(value: Any) -> tuple[int, int, int, int]:
    left, top, width, height = (_whole(side) for side in value)
    return left, top, width, height
