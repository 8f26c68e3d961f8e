"""How clips are drawn, as in a config. Without torch."""

from typing import Annotated

from pydantic import Field

from model.training.section import Factors, NotNegative, Share, Whole, section


@section
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
        frame_jitter: probability that a step shows the stored frame before or after
            its own, as videos do whose frames are unevenly spaced; needs a finer
            store (`data.store_fps`).
        hard_negative_share: share of the clips not drawn about an event that are
            drawn about a false alarm of `data.hard_negatives`.
    """

    steps: Whole
    padding: Annotated[int, Field(ge=0)] = 5
    event_bias: Share = 0.3
    balance: NotNegative = 0.5
    dilation: Annotated[int, Field(ge=0)] = 1
    speed_range: Factors = (1.0, 1.0)
    frame_jitter: Share = 0.0
    hard_negative_share: Share = 0.2
