"""Python's garbage collector while a process of the service imports its modules.

It would go over all of them again and again, and find nothing: a quarter of what the
import of a worker's modules takes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def importing_modules() -> Iterator[None]:
    """Look for garbage neither while modules are imported nor among them later."""
    gc.disable()
    try:
        yield
    finally:
        end_of_imports()


def end_of_imports() -> None:
    """Look for garbage from now on, but not among what is there already."""
    gc.freeze()
    gc.enable()
