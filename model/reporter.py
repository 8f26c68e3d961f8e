"""How long work tells a person what it does: line by line."""

from collections.abc import Callable

Reporter = Callable[[str], None]
