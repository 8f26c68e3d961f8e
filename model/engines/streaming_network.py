"""A whole network as a stream: the trunk, and a causal head with one state.

Steps go in, outputs come out `delay` steps later; nothing restarts until the stream
does. Needs torch; OpenVINO's form is made from this one (`model.export.live`).
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

from model.engines.streaming import StreamingTrunk
from model.errors import UnsupportedCheckpoint
from model.network.activations import ActivatedHead, activate
from model.network.causal import CausalHead
from model.network.spotter import Spotter


class StreamingNetwork(nn.Module):
    """A causal network that takes a video step by step, or in chunks of any length.

    Attributes:
        delay: steps between a frame and its outputs: the network's look-ahead.
        names: of the outputs, in the order they are declared.
        trunk: the backbone.
    """

    def __init__(self, spotter: Spotter) -> None:
        """Take a network apart; it stays as it was.

        Raises:
            UnsupportedCheckpoint: its head keeps no state.
        """
        super().__init__()
        self.trunk = StreamingTrunk(spotter)
        self.head = StreamingHead(spotter)
        self.delay = self.trunk.delay + self.head.delay
        self.names = self.head.names

    def forward(
        self, frames: Tensor, is_video: Tensor, is_not_padding: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        """Take the next steps.

        Args and shapes as of `StreamingTrunk.forward`.

        Returns:
            Each output (T, columns), activated, of the steps `delay` before those that
            went in, then the state for the next steps.
        """
        cut = len(state) - self.head.states if state else 0
        features, *trunk_state = self.trunk(
            frames, is_video, is_not_padding, *state[:cut]
        )
        marks = self.trunk.state.is_video(self.trunk.delay).flatten()
        found = self.head(features.float(), marks.float(), *state[cut:])
        count = len(self.names)
        return (*found[:count], *trunk_state, *found[count:])


class StreamingHead(nn.Module):
    """A causal head that goes on where it was (see `model.network.causal`).

    Attributes:
        delay: steps between a feature and its outputs.
        names: of the outputs.
        states: how many tensors it carries.
    """

    def __init__(self, spotter: Spotter) -> None:
        super().__init__()
        head = copy.deepcopy(spotter.temporal_head)
        if not isinstance(head, CausalHead):
            raise UnsupportedCheckpoint(
                f"the head {spotter.config.temporal_arch!r} keeps no state from step "
                "to step: a live network has the head causal_gru"
            )
        self.config = spotter.config
        self.names = ActivatedHead(spotter).names
        self.head: CausalHead = head.eval().requires_grad_(False)
        self.others = copy.deepcopy(spotter._output_heads).requires_grad_(False)
        self.delay = head.look_ahead
        self.layers = head._gru.num_layers
        self.states = self.layers + (1 if self.delay else 0)

    def forward(
        self, features: Tensor, is_video: Tensor, *state: Tensor
    ) -> tuple[Tensor, ...]:
        """Take the next features (T, D), marked (T,) 1 where they are of the video.

        Returns:
            Each output (T, columns) of the steps `delay` before these, then the state.
        """
        old = state or self._start(features)
        new: list[Tensor] = []
        memory = features
        for layer in range(self.layers):
            memory, last = self._recur(layer, memory, is_video, old[layer])
            new.append(last)
        memory = memory * is_video.view(-1, 1)
        if self.delay:
            memory = torch.cat((old[self.layers], memory))
            new.append(memory[features.shape[0] :])
        ahead = self.head._ahead
        context = ahead(memory.transpose(0, 1)[None])[0].transpose(0, 1)
        raw = {"scores": self.head.classify(context)}
        raw |= {name: layer(context) for name, layer in self.others.items()}
        found = activate(raw, self.config)
        return (*(found[name] for name in self.names), *new)

    def _start(self, features: Tensor) -> list[Tensor]:
        zeros = [features.new_zeros(1, self.head.hidden) for _ in range(self.layers)]
        ahead = features.new_zeros(self.delay, self.head.hidden)
        return [*zeros, *([ahead] if self.delay else [])]

    def _recur(
        self, layer: int, x: Tensor, is_video: Tensor, hidden: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Run one layer over (T, D) from a hidden state (1, H), as torch.nn.GRU does.

        A step that is not of the video leaves the state as it is.
        """
        gru = self.head._gru
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        w_in, w_hidden, b_in, b_hidden = (
            getattr(gru, f"{name}_l{layer}") for name in names
        )
        entering = linear(x, w_in, b_in)
        rows = []
        for step in range(x.shape[0]):
            r_in, z_in, n_in = entering[step : step + 1].chunk(3, dim=1)
            r_on, z_on, n_on = linear(hidden, w_hidden, b_hidden).chunk(3, dim=1)
            update = torch.sigmoid(z_in + z_on)
            fresh = torch.tanh(n_in + torch.sigmoid(r_in + r_on) * n_on)
            following = (1 - update) * fresh + update * hidden
            mark = is_video[step : step + 1].view(1, 1)
            hidden = mark * following + (1 - mark) * hidden
            rows.append(hidden)
        return torch.cat(rows), hidden
