"""Every feature's `ObjectOwner`, by which the sweep finds objects nobody needs.

A feature's owners are found by the name of their module, `app/FEATURE/lost_*.py`.
"""

from importlib import import_module
from pathlib import Path

from app.videos.lost_objects import ObjectOwner

_modules = [
    import_module(f"app.{found.parent.name}.{found.stem}")
    for found in sorted(Path(__file__).parent.glob("*/lost_*.py"))
]

OWNERS: tuple[ObjectOwner, ...] = tuple(
    value
    for module in _modules
    for value in vars(module).values()
    if isinstance(value, ObjectOwner)
)
