"""Frozen batch norms, for a run that starts from trained weights.

The statistics of a batch are those of a few clips of a few matches; serving uses the
running statistics of all of them. A network trained under the latter is trained for
serving. The norms are folded into the convolutions, so that they cost nothing
(measured in docs/experiments.md).
"""

from types import MethodType

from timm.layers.conv_bn_act import ConvNormAct
from torch import Tensor, nn, rsqrt
from torch.nn.functional import conv2d


def freeze_norms(network: nn.Module) -> None:
    """Let batch norms use their running statistics, and keep those as they are.

    Their scale and offset are still learnt. `network.train()` undoes the first half:
    call this again after it.
    """
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()
        if isinstance(module, ConvNormAct):
            module.forward = MethodType(_folded, module)  # type: ignore[method-assign] # the same numbers


def _folded(self: ConvNormAct, x: Tensor) -> Tensor:
    """Convolve with the norm's scale in the kernel: (N, C, H, W) -> (N, C', h, w)."""
    conv, norm = self.conv, self.bn
    scale = norm.weight * rsqrt(norm.running_var + norm.eps)
    convolved = conv2d(
        x,
        conv.weight * scale.view(-1, 1, 1, 1),
        norm.bias - norm.running_mean * scale,
        conv.stride,
        conv.padding,
        conv.dilation,
        conv.groups,
    )
    out: Tensor = norm.act(norm.drop(convolved))
    return out
