"""How clips are drawn, as in a config. Without torch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """How clips are drawn.

    Attributes:
        steps: of a clip.
        padding: how far, in steps, a clip may extend beyond either end.
        event_bias: share of clips that are drawn about an event, in [0, 1].
        balance: how strongly rare labels are preferred there: 0 takes events as
            they come, 1 takes every label equally often.
        dilation: steps to each side of an event that carry its label too.
        speed_range: a clip is played at a speed drawn from this range; (1.0, 1.0)
            is the speed of the video.
    """

    steps: int
    padding: int = 5
    event_bias: float = 0.3
    balance: float = 0.5
    dilation: int = 1
    speed_range: tuple[float, float] = (1.0, 1.0)
