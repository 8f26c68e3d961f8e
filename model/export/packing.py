"""Keep an OpenVINO model's weights in half the bytes without changing one bit.

A checkpoint keeps its weights in half precision; folding a batch norm into them
makes single precision of them again. Here the product is undone: what is kept is
the half-precision weight and the scale, and the runtime multiplies them at load.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import openvino as ov
from openvino import opset13 as ops

Floats = npt.NDArray[np.float32]

# Smaller constants are left as they are: a node more costs as much as it saves.
MIN_ELEMENTS = 512


def pack(model: ov.Model, products: Iterable[tuple[Floats, Floats]]) -> None:
    """Replace float32 constants by smaller expressions of exactly their value.

    Args:
        model: changed in place.
        products: weights (O, ...) and scales (O,) whose product the model may hold.
    """
    known = {}
    for raw, scale in products:
        if _is_half(raw):
            known[_times(raw, scale).tobytes()] = (raw, scale)
    for node in model.get_ordered_ops():
        if node.get_type_name() != "Constant" or node.get_element_type() != ov.Type.f32:
            continue
        data = np.array(node.data, dtype=np.float32)
        if data.size < MIN_ELEMENTS:
            continue
        if _is_half(data):
            _replace(node, _half(data))
        elif data.tobytes() in known:
            raw, scale = known[data.tobytes()]
            # Grouped convolutions have their weights as (G, O / G, ...).
            rows = data.shape[: 1 if data.shape[0] == len(scale) else 2]
            wide = scale.reshape(*rows, *[1] * (data.ndim - len(rows)))
            _replace(
                node, ops.multiply(_half(raw.reshape(data.shape)), ops.constant(wide))
            )


def _times(raw: Floats, scale: Floats) -> Floats:
    return np.asarray(raw * scale.reshape(-1, *[1] * (raw.ndim - 1)), dtype=np.float32)


def _is_half(data: Floats) -> bool:
    with np.errstate(over="ignore"):
        return bool((data.astype(np.float16).astype(np.float32) == data).all())


def _half(data: Floats) -> ov.Node:
    return ops.convert(ops.constant(data.astype(np.float16)), "f32")


def _replace(node: ov.Node, new: ov.Node) -> None:
    new.set_friendly_name(node.get_friendly_name())
    node.output(0).replace(new.output(0))
