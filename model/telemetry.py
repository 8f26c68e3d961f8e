"""No library that the networks run on tells anybody of their use.

OpenVINO and NNCF send their use to Google Analytics from the moment they are imported,
unasked, and to do so fork a process of one that has many threads: it may hang then, and
with it whatever it inherited. Both go without where the package that sends is missing.
"""

import sys

SENDER = "openvino_telemetry"


def refuse_telemetry() -> None:
    """Let `import openvino_telemetry` fail in this process.

    Too late for whoever has imported it already.
    """
    sys.modules.setdefault(SENDER, None)  # type: ignore[arg-type] # as Python has it
