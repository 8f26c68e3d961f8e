"""How clips are drawn, as a config says it. Without torch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """How clips are drawn.

    Attributes:
        steps: of a clip.
        padding: how far, in steps, a clip may reach beyond either end.
        event_bias: share of clips that are drawn about an event, in [0, 1].
        balance: how strongly rare labels are preferred there: 0 takes events as
            they come, 1 takes every label equally often.
        dilation: steps to each side of an event that carry its label too.
        paces: a clip is played at a pace drawn from this range; (1.0, 1.0) leaves
            it alone.
    """

    steps: int
    padding: int = 5
    event_bias: float = 0.3
    balance: float = 0.5
    dilation: int = 1
    paces: tuple[float, float] = (1.0, 1.0)
