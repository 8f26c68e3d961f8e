"""No library that the networks run on tells anybody of their use.

OpenVINO and NNCF send their use to Google Analytics from the moment they are imported,
unasked, and to do so fork a process of one that has many threads: it may hang then, and
with it whatever it inherited. Both go without where the package that sends is missing.
ONNX Runtime (1.32, on Linux, too) sends to Microsoft, with a number that it gives the
machine, unless its environment forbids it.
"""

import os
import sys

SENDER = "openvino_telemetry"
ONNX_REFUSAL = "ORT_DISABLE_TELEMETRY"


def refuse_telemetry() -> None:
    """Let `import openvino_telemetry` fail here, and ONNX Runtime send nothing.

    Too late for whoever has imported them already.
    """
    sys.modules.setdefault(SENDER, None)  # type: ignore[arg-type] # as Python has it
    os.environ.setdefault(ONNX_REFUSAL, "1")
