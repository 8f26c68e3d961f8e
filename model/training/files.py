"""Names of the files that a run keeps in its folder."""

RESUME = "last.ckpt"
BEST = "best.touchline"
LAST = "last.touchline"
KEPT = (BEST, LAST, RESUME)  # `last.ckpt` last: it speaks of the others.
