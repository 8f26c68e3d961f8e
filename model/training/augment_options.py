"""How far a clip may be changed, as in a config. Without torch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AugmentOptions:
    """How far a clip may be changed; the defaults change nothing.

    Attributes:
        shift_px: how far the crop may be shifted to each side, in pixels of the
            scaled picture, as far as the picture reaches.
        zoom: the crop is 1 / z of its size, z drawn from this range.
        aspect: the crop is made wider by the root of a and lower by it, a drawn
            from this range: a camera that looks down more or less steeply.
        flip: probability of a mirror image.
        jitter: probability of each of brightness, contrast, saturation and hue.
        brightness: factor drawn from 1 +- this; so too `contrast`, `saturation`.
        hue: hue shift, in +- this share of a circle.
        shuffle: probability that the colour channels are permuted.
        blur: probability of a Gaussian blur.
        noise: deviation of the noise added to half of the clips, in grey levels.
    """

    shift_px: int = 0
    zoom: tuple[float, float] = (1.0, 1.0)
    aspect: tuple[float, float] = (1.0, 1.0)
    flip: float = 0.0
    jitter: float = 0.0
    brightness: float = 0.3
    contrast: float = 0.3
    saturation: float = 0.3
    hue: float = 0.2
    shuffle: float = 0.0
    blur: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        for name, span in (("zoom", self.zoom), ("aspect", self.aspect)):
            if not _is_range(span):
                raise ValueError(f"{name} must be two numbers > 0, rising: got {span}")


def _is_range(span: object) -> bool:
    match span:
        case (float() | int() as low, float() | int() as high):
            return 0 < low <= high
    return False
