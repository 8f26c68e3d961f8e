"""The network: clips of frames to a score for every label at every step.

Its state_dict has E2E-Spot's keys, so that its checkpoints map one to one.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from model.network.backbone import MIN_FRAME_PX, build_backbone, set_steps
from model.network.config import ModelConfig
from model.network.heads import build_head
from model.network.outputs import SCORES
from model.network.temporal_head import TemporalHead

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class Spotter(nn.Module):
    """A backbone with a shift in its blocks and a temporal head on top.

    Attributes:
        config: what the network is made of.
        feature_dim: D, the length of a step's feature vector.

    Source: E2E-Spot (Hong et al., ECCV 2022), train_e2e.py.
    """

    def __init__(self, config: ModelConfig, *, is_pretrained: bool = False) -> None:
        """Build it from noise, or with a backbone trained on ImageNet."""
        super().__init__()
        self.config = config
        self._features, self.feature_dim = build_backbone(
            config.feature_arch,
            is_pretrained=is_pretrained,
            look_ahead_sites=config.look_ahead_sites,
        )
        self._pred_fine = build_head(config, self.feature_dim)
        self._output_heads = nn.ModuleDict(
            {
                output.name: nn.Linear(self._pred_fine.context_dim, output.columns)
                for output in config.declared_outputs
                if output.name != SCORES
            }
        )
        # Not persistent: the keys of a checkpoint are E2E-Spot's and no more.
        for name, values in (("mean", IMAGENET_MEAN), ("std", IMAGENET_STD)):
            pixel = torch.tensor(values).view(3, 1, 1)
            self.register_buffer(f"_{name}", pixel, persistent=False)

    def forward(self, frames_u8: Tensor) -> dict[str, Tensor]:
        """Score every step of some clips.

        Shapes, with B clips of T <= clip_len steps and K = num_classes + 1:
        frames (B, T, 3, H, W), uint8 RGB -> for each output its raw values
        (B, T, columns), before any activation; "scores" has K columns, index 0 the
        background. A shorter clip is padded with zeros after normalisation.

        Raises:
            ValueError: the frames are not of this form; the message says how.
        """
        self._check(frames_u8)
        steps = frames_u8.shape[1]
        frames = self.normalise(frames_u8)
        if self.config.shift and steps < self.config.clip_len:
            frames = pad(frames, (0,) * 7 + (self.config.clip_len - steps,))
        return self.head(self.trunk(frames)[:, :steps])

    def normalise(self, frames_u8: Tensor) -> Tensor:
        """Bring raw frames (..., 3, H, W) to ImageNet's mean and deviation."""
        mean, std = self.get_buffer("_mean"), self.get_buffer("_std")
        return (frames_u8.to(mean.dtype) / 255 - mean) / std

    def trunk(self, frames: Tensor) -> Tensor:
        """Turn normalised frames (B, T, 3, H, W) into features (B, T, D).

        T is free: nothing in the trunk depends on clip_len.
        """
        clips, steps = frames.shape[:2]
        set_steps(self._features, steps)
        pictures = frames.flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features: Tensor = self._features(pictures)
        return features.view(clips, steps, self.feature_dim)

    @property
    def temporal_head(self) -> TemporalHead:
        """The part that looks at a clip's steps together."""
        return self._pred_fine

    def head(self, features: Tensor) -> dict[str, Tensor]:
        """Turn features (B, T, D) into each output's raw values (B, T, columns)."""
        return head_outputs(self._pred_fine, self._output_heads, features)

    def _check(self, frames: Tensor) -> None:
        shape = tuple(frames.shape)
        if frames.dtype != torch.uint8:
            raise ValueError(f"frames must be raw uint8 pixels, got {frames.dtype}")
        if frames.dim() != 5 or shape[2] != 3:
            raise ValueError(
                "frames must be RGB clips of shape (B, T, 3, H, W), got "
                f"{shape}; convert grey or RGBA pictures to RGB first"
            )
        if not 1 <= shape[1] <= self.config.clip_len:
            raise ValueError(
                f"a clip of {shape[1]} steps was given to a network of clip_len "
                f"{self.config.clip_len}; cut it into clips of that length"
            )
        if min(shape[3:]) < MIN_FRAME_PX:
            raise ValueError(
                f"frames are {shape[4]}x{shape[3]}; at least "
                f"{MIN_FRAME_PX}x{MIN_FRAME_PX} pixels are needed"
            )


def head_outputs(
    head: TemporalHead, others: nn.ModuleDict, features: Tensor
) -> dict[str, Tensor]:
    """Run a head once, and on what its classifier sees every other output's layer."""
    context = head.context(features)
    outputs = {SCORES: head.classify(context)}
    return outputs | {name: layer(context) for name, layer in others.items()}
