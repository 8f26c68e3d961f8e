"""The loss of teaching: that of training, but for types that no event teaches."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from model.network.outputs import SCORES
from model.training.config import TrainConfig
from model.training.losses import LossTerm
from model.training.outputs import loss_terms

IMPOSSIBLE = -1e4


class WithoutColumns(LossTerm):
    """A term of scores that some columns take no part in, neither right nor wrong."""

    def __init__(self, term: LossTerm, columns: Sequence[int]) -> None:
        super().__init__()
        self.term = term
        self.columns = list(columns)

    def per_clip(
        self, raw: Tensor, values: Tensor, weight: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Take these columns for impossible, and let no gradient through."""
        raw = raw.index_fill(
            -1, torch.tensor(self.columns, device=raw.device), IMPOSSIBLE
        )
        return self.term.per_clip(raw, values, weight)


def carried_columns(labels: Sequence[str], carried: Sequence[str]) -> list[int]:
    """Name the columns of scores that carried types have."""
    return [labels.index(label) + 1 for label in carried]


def teaching_terms(
    config: TrainConfig, labels: tuple[str, ...], carried: Sequence[str]
) -> dict[str, LossTerm]:
    """Give the terms of the loss, by name of the output."""
    terms: dict[str, LossTerm] = dict(loss_terms(config, labels))
    if carried:
        columns = carried_columns(labels, carried)
        terms[SCORES] = WithoutColumns(terms[SCORES], columns)
    return terms


def total_loss(
    raw: Mapping[str, Tensor],
    targets: Mapping[str, tuple[Tensor, Tensor]],
    terms: Mapping[str, nn.Module],
    weights: Mapping[str, float],
) -> Tensor:
    """Give the weighted sum of the terms, a scalar."""
    values = [
        weights.get(name, 1.0) * term(raw[name], *targets[name])
        for name, term in terms.items()
    ]
    return torch.stack(values).sum()
