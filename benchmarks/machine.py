"""What machine a table was made on."""

import os
import platform
from pathlib import Path


def processor() -> str:
    """Name the processor and count its cores."""
    return f"{_name()}, {os.cpu_count()} cores"


def _name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
