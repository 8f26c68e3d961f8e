"""Augmentation: geometry, colours, blur and noise, alike for all frames of a clip.

But for camera motion, shake and noise, which differ from frame to frame. Works on
uint8 clips, one at a time, on the device that holds them; keeps away from labels.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from model.training.augment_options import AugmentOptions
from model.training.camera import camera_path
from model.video.frame_spec import FrameSpec

_GREY = (0.299, 0.587, 0.114)


class Augmented(NamedTuple):
    """A clip as the network is shown it.

    Attributes:
        frames: (T, 3, h, w) uint8.
        is_mirrored: left and right are swapped.
    """

    frames: Tensor
    is_mirrored: bool


def augment_clip(
    frames: Tensor,
    spec: FrameSpec,
    options: AugmentOptions,
    *,
    seed: tuple[int, int],
    size: tuple[int, int] | None = None,
) -> Augmented:
    """Cut and change one clip.

    Shapes: frames (T, H, W, 3) uint8, the whole scaled picture -> (T, 3, h, w)
    uint8, of the spec's crop or of `size` (width, height).

    Args:
        frames: one clip.
        spec: which picture and crop the network sees.
        options: how far to go.
        seed: decides everything: the run's seed and the clip's number.
        size: another output size than the crop's, for training small first.
    """
    rng = torch.Generator().manual_seed(seed[0] * 1_000_003 + seed[1])
    out = size or (spec.out_width, spec.out_height)
    pictures = _cut(frames, spec, options, rng, out)
    is_mirrored = _is_drawn(options.flip, rng)
    if is_mirrored:
        pictures = pictures.flip(-1)
    pictures = _recolour(pictures, options, rng)
    if _is_drawn(options.blur, rng):
        pictures = _blurred(pictures, sigma=_uniform(rng, 0.3, 1.0))
    # What is switched off draws nothing, so that other runs draw what they drew.
    if options.motion_blur and _is_drawn(options.motion_blur, rng):
        pictures = _motion_blurred(pictures, options.motion_blur_px, rng)
    if options.noise and _is_drawn(0.5, rng):
        noise = torch.randn(pictures.shape, generator=rng) * options.noise
        pictures = pictures + noise.to(pictures.device)
    return Augmented(pictures.round().clamp(0, 255).to(torch.uint8), is_mirrored)


def plain_clip(
    frames: Tensor, spec: FrameSpec, *, size: tuple[int, int] | None = None
) -> Tensor:
    """Cut a clip as serving does: (T, H, W, 3) -> (T, 3, h, w), both uint8."""
    out = size or (spec.out_width, spec.out_height)
    left, top, width, height = _crop(spec)
    if out == (width, height):
        window = frames[:, top : top + height, left : left + width]
        return window.permute(0, 3, 1, 2)
    cut = _resample(frames, (left, top, width, height), out)
    return cut.round().clamp(0, 255).to(torch.uint8)


def _cut(
    frames: Tensor,
    spec: FrameSpec,
    options: AugmentOptions,
    rng: torch.Generator,
    out: tuple[int, int],
) -> Tensor:
    """Cut a shifted, zoomed window: (T, H, W, 3) uint8 -> (T, 3, h, w) float."""
    left, top, width, height = _crop(spec)
    zoom = math.exp(_uniform(rng, *(math.log(z) for z in options.zoom)))
    stretch = 1.0
    if options.aspect != (1.0, 1.0):  # A draw more would change all other runs.
        stretch = math.exp(_uniform(rng, *(math.log(a) / 2 for a in options.aspect)))
    wide = min(width / zoom * stretch, float(spec.width))
    high = min(height / zoom / stretch, float(spec.height))
    x = left + (width - wide) / 2 + _uniform(rng, -1, 1) * options.shift_px
    y = top + (height - high) / 2 + _uniform(rng, -1, 1) * options.shift_px
    if options.camera and _is_drawn(options.camera, rng):
        path = camera_path(len(frames), options, rng, fps=spec.fps)
        return _resample_each(
            frames, _moving_boxes((x, y, wide, high), path, spec), out
        )
    x = min(max(x, 0.0), spec.width - wide)
    y = min(max(y, 0.0), spec.height - high)
    is_whole = (wide, high) == (width, height) == out
    if is_whole:
        window = frames[:, round(y) : round(y) + height, round(x) : round(x) + width]
        return window.permute(0, 3, 1, 2).float()
    return _resample(frames, (x, y, wide, high), out)


def _resample(
    frames: Tensor, box: tuple[float, float, float, float], out: tuple[int, int]
) -> Tensor:
    """Scale a box (left, top, width, height) to `out`: two thin matrix products.

    Each output pixel is the mean of the source under it (area averaging); where
    pixels grow it blends neighbours. (T, H, W, 3) uint8 -> (T, 3, h, w) float.
    """
    height, width = frames.shape[1:3]
    x0, x1 = math.floor(box[0]), min(width, math.ceil(box[0] + box[2]) + 1)
    y0, y1 = math.floor(box[1]), min(height, math.ceil(box[1] + box[3]) + 1)
    window = frames[:, y0:y1, x0:x1].permute(0, 3, 1, 2).float()
    at = torch.tensor(box, dtype=torch.float64)
    across = _area_weights(x1 - x0, at[0] - x0, at[2], out[0]).to(window.device)
    down = _area_weights(y1 - y0, at[1] - y0, at[3], out[1]).to(window.device)
    return down @ (window @ across.T)


def _moving_boxes(
    box: tuple[float, float, float, float], path: Tensor, spec: FrameSpec
) -> Tensor:
    """Move a box along a camera's path, inside the picture: (T, 4) float64."""
    x, y, wide, high = box
    path = path.double()
    shrink = (-path[:, 2]).exp()
    wides = (wide * shrink).clamp_max(spec.width)
    highs = (high * shrink).clamp_max(spec.height)
    left = (x + path[:, 0] + (wide - wides) / 2).clamp_min(0)
    top = (y + path[:, 1] + (high - highs) / 2).clamp_min(0)
    left = torch.minimum(left, spec.width - wides)
    top = torch.minimum(top, spec.height - highs)
    return torch.stack((left, top, wides, highs), dim=1)


def _resample_each(frames: Tensor, boxes: Tensor, out: tuple[int, int]) -> Tensor:
    """Scale each frame's own box (T, 4) to `out`; see `_resample`."""
    height, width = frames.shape[1:3]
    pictures = frames.permute(0, 3, 1, 2).float()
    left, top, wide, high = boxes.T
    across = _area_weights(width, left, wide, out[0]).to(frames.device)  # (T, w, W)
    down = _area_weights(height, top, high, out[1]).to(frames.device)  # (T, h, H)
    rows = pictures.reshape(len(frames), -1, width) @ across.transpose(1, 2)
    return down.unsqueeze(1) @ rows.view(len(frames), 3, height, out[0])


def _area_weights(size: int, start: Tensor, extent: Tensor, out: int) -> Tensor:
    """Weigh `size` source pixels for each of `out` pixels: (..., out, size), rows 1.

    `start` and `extent` (...) say where the pixels lie in the source.
    """
    scale = (extent / out).float().unsqueeze(-1)
    extent_px = scale.clamp_min(1.0)
    centres = start.float().unsqueeze(-1) + (torch.arange(out) + 0.5) * scale
    low = (centres - extent_px / 2).unsqueeze(-1)
    pixels = torch.arange(size)
    upper = torch.minimum(low + extent_px.unsqueeze(-1), pixels + 1.0)
    weights = (upper - torch.maximum(low, pixels * 1.0)).clamp_min(0)
    return weights / weights.sum(-1, keepdim=True).clamp_min(1e-6)


def _recolour(
    pictures: Tensor, options: AugmentOptions, rng: torch.Generator
) -> Tensor:
    """Change colours: all of it but the mean is one 3x3 matrix and an offset."""
    matrix, offset = torch.eye(3), torch.zeros(3)
    if _is_drawn(options.shuffle, rng):
        matrix = matrix[torch.randperm(3, generator=rng)]
    if _is_drawn(options.jitter, rng):
        matrix = _hue(_uniform(rng, -1, 1) * options.hue) @ matrix
    if _is_drawn(options.jitter, rng):
        keep = 1 + _uniform(rng, -1, 1) * options.saturation
        grey = torch.tensor(_GREY).expand(3, 3)
        matrix = (keep * torch.eye(3) + (1 - keep) * grey) @ matrix
    if _is_drawn(options.jitter, rng):
        matrix = matrix * (1 + _uniform(rng, -1, 1) * options.brightness)
    if _is_drawn(options.jitter, rng):
        factor = 1 + _uniform(rng, -1, 1) * options.contrast
        mean = matrix @ pictures[::8].mean(dim=(0, 2, 3)).cpu()
        matrix, offset = matrix * factor, (1 - factor) * mean
    if torch.equal(matrix, torch.eye(3)) and not offset.any():
        return pictures
    device = pictures.device
    flat = matrix.to(device) @ pictures.flatten(2) + offset.to(device).unsqueeze(1)
    return flat.view_as(pictures)


def _hue(shift: float) -> Tensor:
    """Shift the hue by a share of a circle, about the grey axis: (3, 3)."""
    cos, sin = math.cos(2 * math.pi * shift), math.sin(2 * math.pi * shift)
    third = torch.full((3, 3), (1 - cos) / 3)
    root = sin / math.sqrt(3)
    skew = torch.tensor([[0.0, -root, root], [root, 0.0, -root], [-root, root, 0.0]])
    return third + cos * torch.eye(3) + skew


def _blurred(pictures: Tensor, *, sigma: float) -> Tensor:
    at = torch.arange(-2, 3, device=pictures.device)
    kernel = torch.exp(-(at**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    flat = pictures.flatten(0, 1).unsqueeze(1)
    flat = conv2d(pad(flat, (2, 2, 0, 0), "replicate"), kernel.view(1, 1, 1, 5))
    flat = conv2d(pad(flat, (0, 0, 2, 2), "replicate"), kernel.view(1, 1, 5, 1))
    return flat.view_as(pictures)


def _motion_blurred(
    pictures: Tensor, longest_px: float, rng: torch.Generator
) -> Tensor:
    """Blur along a line, mostly level as pans are: half the time only for a stretch."""
    length = _uniform(rng, 1.0, longest_px)
    angle = 0.4 * float(torch.randn((), generator=rng))
    first, last = 0, len(pictures)
    if _is_drawn(0.5, rng):
        first = int(torch.randint(0, last, (), generator=rng))
        last = min(last, first + int(torch.randint(3, 41, (), generator=rng)))
    kernel = _line(length, angle).to(pictures.device)
    reach = kernel.shape[-1] // 2
    flat = pictures[first:last].flatten(0, 1).unsqueeze(1)
    flat = conv2d(pad(flat, (reach,) * 4, "replicate"), kernel[None, None])
    blurred = flat.view(last - first, *pictures.shape[1:])
    return torch.cat((pictures[:first], blurred, pictures[last:]))


def _line(length: float, angle: float) -> Tensor:
    """Draw a line through the middle of a kernel (k, k) whose weights add to one."""
    reach = math.ceil(length / 2) + 1
    along = torch.linspace(-length / 2, length / 2, 4 * reach + 1)
    at = torch.stack((along * math.sin(angle), along * math.cos(angle)), dim=1) + reach
    pixels = torch.arange(2 * reach + 1)
    near = (1 - (at.unsqueeze(-1) - pixels).abs()).clamp_min(0)  # (N, 2, k), bilinear
    kernel = torch.einsum("ni,nj->ij", near[:, 0], near[:, 1])
    return kernel / kernel.sum()


def _crop(spec: FrameSpec) -> tuple[int, int, int, int]:
    return spec.crop or (0, 0, spec.width, spec.height)


def _is_drawn(probability: float, rng: torch.Generator) -> bool:
    return float(torch.rand((), generator=rng)) < probability


def _uniform(rng: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * float(torch.rand((), generator=rng))
