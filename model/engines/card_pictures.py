"""Decoded frames to a network's input on the device that runs it: YUV to RGB, scaled.

What `model.video.picture` does on the processor, for frames that are on the card or
are cheaper to send as they are: 1.5 bytes a pixel, and no scaling on the processor.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from model.video.frame_spec import FrameSpec

# Red and blue weights of luma (ITU-R BT.601, BT.709, BT.2020).
_LUMA = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}


@dataclass(frozen=True, slots=True)
class Colours:
    """What the samples of a frame mean.

    Attributes:
        matrix: `bt601`, `bt709` or `bt2020`.
        is_full_range: 0-255, not 16-235 and 16-240.
    """

    matrix: str = "bt601"
    is_full_range: bool = False

    def rgb(self) -> tuple[Tensor, Tensor]:
        """Give a matrix (3, 3) and an offset (3,): RGB 0-255 = matrix @ YUV + offset.

        Raises:
            ValueError: the matrix is unknown.
        """
        if self.matrix not in _LUMA:
            raise ValueError(f"matrix must be one of {', '.join(_LUMA)}")
        red, blue = _LUMA[self.matrix]
        green = 1 - red - blue
        luma, chroma, black = (
            (1.0, 1.0, 0.0) if self.is_full_range else (255 / 219, 255 / 224, 16.0)
        )
        matrix = torch.tensor(
            [
                [luma, 0, 2 * (1 - red) * chroma],
                [
                    luma,
                    -2 * blue * (1 - blue) / green * chroma,
                    -2 * red * (1 - red) / green * chroma,
                ],
                [luma, 2 * (1 - blue) * chroma, 0],
            ]
        )
        return matrix, -(matrix @ torch.tensor([black, 128.0, 128.0]))


class CardPictures:
    """Turns frames of one size into images of a spec, on a device.

    Scaling is the mean over the area that a pixel covers, exactly; FFmpeg's, which
    the network was trained on, rounds in between: they differ by four levels of 255
    at most (see the tests).
    """

    def __init__(
        self,
        spec: FrameSpec,
        *,
        size: tuple[int, int],
        colours: Colours,
        turns: int = 0,
        is_mirrored: bool = False,
        device: str = "cpu",
    ) -> None:
        """Prepare for a stream.

        Args:
            spec: of the images.
            size: width and height of the frames as they are decoded; even numbers.
            colours: of the samples.
            turns: quarter turns counter-clockwise that make a frame upright.
            is_mirrored: mirrored left to right before it is turned.
            device: where it happens.

        Raises:
            ValueError: a size is odd, or the matrix unknown.
        """
        if size[0] % 2 or size[1] % 2:
            raise ValueError(f"width and height must be even, got {size}")
        self.spec, self.size, self.device = spec, size, torch.device(device)
        self.turns, self.is_mirrored = turns % 4, is_mirrored
        matrix, offset = colours.rgb()
        self._matrix, self._offset = matrix.to(self.device), offset.to(self.device)

    def convert_nv12(self, luma: Tensor, chroma: Tensor) -> Tensor:
        """Convert frames (N, H, W) and (N, H / 2, W / 2, 2), both uint8.

        Returns:
            (N, h, w, 3) uint8 RGB of the spec's size, on the device.
        """
        return self.convert(luma, chroma[..., 0], chroma[..., 1])

    def convert(self, y: Tensor, u: Tensor, v: Tensor) -> Tensor:
        """Convert frames of 4:2:0 in planes: (N, H, W), (N, H / 2, W / 2) twice."""
        across, down = self._scales
        half_across, half_down = self._half_scales
        planes = [self._scaled(y, across, down)]
        # Colours at half the width, as FFmpeg's 4:2:2 has them in training.
        wide = across.shape[0]
        planes += [
            self._scaled(each, half_across, half_down).repeat_interleave(2, -1)[
                ..., :wide
            ]
            for each in (u, v)
        ]
        yuv = torch.stack(planes, dim=-1)  # (N, h, w, 3), still as decoded.
        rgb = yuv @ self._matrix.T + self._offset
        image = rgb.round().clamp(0, 255).to(torch.uint8)
        if self.is_mirrored:
            image = image.flip(2)
        if self.turns:
            image = torch.rot90(image, self.turns, (1, 2))
        if self.spec.crop is not None:
            left, top, width, height = self.spec.crop
            image = image[:, top : top + height, left : left + width]
        return image.contiguous()

    def _scaled(self, plane: Tensor, across: Tensor, down: Tensor) -> Tensor:
        samples = plane.to(self.device, non_blocking=True).float()
        return down @ samples @ across.T

    @cached_property
    def _scales(self) -> tuple[Tensor, Tensor]:
        return self._scales_from(self.size)

    @cached_property
    def _half_scales(self) -> tuple[Tensor, Tensor]:
        return self._scales_from((self.size[0] // 2, self.size[1] // 2), share=2)

    def _scales_from(
        self, size: tuple[int, int], *, share: int = 1
    ) -> tuple[Tensor, Tensor]:
        width, height = self.spec.width, self.spec.height
        if self.turns % 2:
            width, height = height, width
        width = -(-width // share)
        across, down = area_weights(size[0], width), area_weights(size[1], height)
        return across.to(self.device), down.to(self.device)


def area_weights(source: int, target: int) -> Tensor:
    """Give each target pixel its share of each source pixel: (target, source).

    Every row adds to one. Where the target is larger, it is interpolated between the
    two nearest pixels' centres.
    """
    if target > source:
        centres = (torch.arange(target, dtype=torch.float64) + 0.5) * source / target
        at = (centres - 0.5).clamp(0, source - 1)
        nearness = 1 - (at[:, None] - torch.arange(source)[None]).abs()
        return nearness.clamp_min(0).float()
    edges = torch.arange(target + 1, dtype=torch.float64) * source / target
    pixels = torch.arange(source, dtype=torch.float64)
    left = torch.maximum(edges[:-1, None], pixels[None])
    right = torch.minimum(edges[1:, None], pixels[None] + 1)
    return ((right - left).clamp_min(0) * target / source).float()
