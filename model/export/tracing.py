"""From a traced module to an OpenVINO model whose state lives inside it."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import openvino as ov
from openvino.passes import MakeStateful
from torch import Tensor, nn


def convert(module: nn.Module, inputs: tuple[Tensor, ...]) -> ov.Model:
    """Trace a module in eval mode."""
    with warnings.catch_warnings():
        # Tracing warns of every size that becomes a constant; ours are meant to.
        warnings.simplefilter("ignore")
        return ov.convert_model(module.eval(), example_input=inputs)


def name_ports(ports: list[Any], names: list[str]) -> None:
    """Name inputs or outputs of a model."""
    for port, name in zip(ports, names, strict=True):
        port.get_tensor().set_names({name})
        port.get_node().set_friendly_name(name)


def keep_state(model: ov.Model, *, outputs: int) -> None:
    """Keep in the model what comes in after three inputs and goes out after outputs."""
    pairs = {}
    for index, (old, new) in enumerate(
        zip(model.inputs[3:], model.outputs[outputs:], strict=True)
    ):
        name_ports([old, new], [f"old_{index}", f"new_{index}"])
        pairs[f"old_{index}"] = f"new_{index}"
    if pairs:
        MakeStateful(pairs).run_on_model(model)
    model.validate_nodes_and_infer_types()


def serialise(model: ov.Model) -> tuple[bytes, bytes]:
    """Give a model's IR: the XML and the weights."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.xml"
        ov.save_model(model, path, compress_to_fp16=False)
        return path.read_bytes(), path.with_suffix(".bin").read_bytes()


def members_of(models: dict[str, ov.Model], *, kind: str) -> dict[str, bytes]:
    """Give the files that a checkpoint keeps of some models, by their names."""
    members = {}
    for name, model in models.items():
        xml, weights = serialise(model)
        members[f"{kind}/{name}.xml"], members[f"{kind}/{name}.bin"] = xml, weights
    return members
