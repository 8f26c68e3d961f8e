"""A GPU worker of a release to come, whose analyses have another version.

    celery -A tests.integration.newer_worker worker -Q gpu ...

Its child is spawned, and reads this module anew.
"""

from dataclasses import replace
from importlib import import_module
from typing import Any, cast

from app.jobs.kinds import KINDS, JobKind

VERSION = 2

# Before anything reads them.
kinds = cast("dict[JobKind, Any]", KINDS)
kinds[JobKind.SPOT] = replace(KINDS[JobKind.SPOT], version=VERSION)

_entry = import_module("worker.gpu")
celery = _entry.celery
celery.conf.update(include=[__name__])
