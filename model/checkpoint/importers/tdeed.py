"""T-DEED's networks, told by what they have and none of ours has.

They share E2E-Spot's backbones, and nearly its files. What follows the backbone is a
network of its own, with a code for the place of each step in the clip before it.

Source: T-DEED (Xarles et al., CVPRW 2024), model/model.py and config/.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from model.errors import UnsupportedCheckpoint

_HEAD = "ed_sgp_mixer"
_CAN = (
    "A network with a backbone ending in _gsm or _tsm and the head gru can be "
    "imported, also if T-DEED's files describe it"
)

# By keys of its weights: what we do not build.
_PARTS: Mapping[str, Callable[[str], bool]] = {
    "the code of positions (temp_enc)": lambda key: key == "temp_enc",
    "the encoder and decoder of SGP layers (_temp_fine)": lambda key: key.startswith(
        ("_temp_fine._sgp", "_temp_fine._sgpMixer")
    ),
    "the shift gsf": lambda key: ".gs.channel_conv" in key,
    "the heads of two data sets (_pred_fine._fc1, _fc2)": lambda key: key.startswith(
        ("_pred_fine._fc1.", "_pred_fine._fc2.")
    ),
}


def refuse_tdeed(raw: Mapping[str, Any], path: Path) -> None:
    """Refuse T-DEED's networks by their config.

    Raises:
        UnsupportedCheckpoint: it is one.
    """
    if raw.get("temporal_arch") != _HEAD:
        return
    shift = str(raw.get("feature_arch"))
    others = f", and so is feature_arch {shift!r}" if shift.endswith("_gsf") else ""
    raise UnsupportedCheckpoint(
        f"{path.name}: temporal_arch {_HEAD!r} is T-DEED's encoder and decoder, "
        f"which is not supported{others}. {_CAN}"
    )


def refuse_tdeed_weights(state: Mapping[str, Tensor], path: Path) -> None:
    """Refuse T-DEED's networks by the keys of their weights.

    Raises:
        UnsupportedCheckpoint: it is one.
    """
    found = [name for name, is_its in _PARTS.items() if any(map(is_its, state))]
    is_tdeed = "temp_enc" in state or any(
        key.startswith("_temp_fine._sgp") for key in state
    )
    if not is_tdeed:
        return
    raise UnsupportedCheckpoint(
        f"{path.name} holds weights of T-DEED, which have what is not supported: "
        f"{', '.join(found)}. {_CAN}"
    )
