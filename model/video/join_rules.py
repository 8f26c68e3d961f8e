"""How many files make one video, and what is not encoded unasked; no decoder."""

MAX_PARTS = 20

UNASKED_S = 600.0
"""Parts that are longer together are encoded only if that is asked for."""
