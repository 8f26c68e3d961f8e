"""What the sweep asks each feature: which objects and which ended jobs nobody needs.

A feature's owners are found by the name of their module, `app/FEATURE/lost_*.py`.
"""

from importlib import import_module
from pathlib import Path

from app.jobs.owners import JobOwner
from app.videos.lost_objects import ObjectOwner

_declared = [
    value
    for found in sorted(Path(__file__).parent.glob("*/lost_*.py"))
    for value in vars(import_module(f"app.{found.parent.name}.{found.stem}")).values()
]

OBJECT_OWNERS = tuple(one for one in _declared if isinstance(one, ObjectOwner))
JOB_OWNERS = tuple(one for one in _declared if isinstance(one, JobOwner))
