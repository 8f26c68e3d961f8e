"""Every table of the service: importing this fills the metadata, for migrations.

A feature's tables are found by the name of their module, `app/FEATURE/tables.py`.
"""

from importlib import import_module
from pathlib import Path

from app.core.db.base import Base

for _found in sorted(Path(__file__).parent.glob("*/tables.py")):
    import_module(f"app.{_found.parent.name}.tables")

metadata = Base.metadata
