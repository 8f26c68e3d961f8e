"""From a network's raw outputs to scores, offsets and shares: the only place."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from model.network.config import ModelConfig
from model.network.outputs import Output
from model.network.spotter import Spotter, head_outputs


def activate(outputs: Mapping[str, Tensor], config: ModelConfig) -> dict[str, Tensor]:
    """Apply to each raw output (..., columns) the activation that its kind declares.

    In float32, whatever precision comes in. Outputs that are not there stay away.

    Raises:
        KeyError: an output that the config does not declare.
    """
    declared = {output.name: output for output in config.declared_outputs}
    return {name: _apply(declared[name], raw) for name, raw in outputs.items()}


class ActivatedHead(nn.Module):
    """A spotter's head as engines and exports run it, its layers shared.

    Attributes:
        names: of the outputs, in the order they are declared.
    """

    def __init__(self, spotter: Spotter) -> None:
        super().__init__()
        self.config = spotter.config
        self.names = tuple(output.name for output in spotter.config.declared_outputs)
        self._pred_fine = spotter._pred_fine
        self._output_heads = spotter._output_heads

    def forward(self, features: Tensor) -> tuple[Tensor, ...]:
        """Shapes: (N, L, D) -> (N, L, columns) for each name, activated."""
        raw = head_outputs(self._pred_fine, self._output_heads, features)
        found = activate(raw, self.config)
        return tuple(found[name] for name in self.names)


def _apply(output: Output, raw: Tensor) -> Tensor:
    raw = raw.float()
    if output.activation == "softmax":
        return torch.softmax(raw, dim=-1)
    if output.activation == "identity":
        return raw
    shares = torch.sigmoid(raw)
    if not output.has_background:
        return shares
    labels = shares[..., 1:]
    return torch.cat((1 - labels.amax(dim=-1, keepdim=True), labels), dim=-1)
