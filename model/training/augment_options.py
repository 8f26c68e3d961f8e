"""How far a clip may be changed, as in a config. Without torch."""

from typing import Annotated

from pydantic import Field

from model.training.section import Factors, NotNegative, Share, section


@section
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
        camera: probability that the crop moves within the clip, as a camera does.
        pan_px: how far it then moves to each side, at most, and half as far up and
            down, in pixels of the scaled picture.
        zoom_drift: how far its zoom then changes, at most, as a logarithm.
        shake_px: at most the deviation of its shake, in pixels.
        motion_blur: probability of motion blur, over the clip or a stretch of it.
        motion_blur_px: length of the longest motion blur, in pixels.
        blur: probability of a Gaussian blur.
        noise: deviation of the noise added to half of the clips, in grey levels.
    """

    shift_px: Annotated[int, Field(ge=0)] = 0
    zoom: Factors = (1.0, 1.0)
    aspect: Factors = (1.0, 1.0)
    flip: Share = 0.0
    jitter: Share = 0.0
    brightness: Share = 0.3
    contrast: Share = 0.3
    saturation: Share = 0.3
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.2
    shuffle: Share = 0.0
    blur: Share = 0.0
    noise: NotNegative = 0.0
    camera: Share = 0.0
    pan_px: NotNegative = 12.0
    zoom_drift: Annotated[float, Field(ge=0, le=0.5)] = 0.06
    shake_px: NotNegative = 0.6
    motion_blur: Share = 0.0
    motion_blur_px: Annotated[float, Field(ge=1, le=15)] = 4.0
