"""Mutated videos through probe and decode: `python -m tests.media_fuzz --seeds 500`."""
