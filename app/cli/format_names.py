"""Names of the formats of events, for `--help`, which imports nothing of `model`.

A test holds them against the registry.
"""

FORMATS = (
    "json",
    "soccernet",
    "soccernet-labels",
    "e2espot",
    "osl",
    "otio",
    "sportscode",
    "elan",
    "vtt",
    "boris",
    "edl",
    "csv",
    "youtube",
)
TIME_FORMATS = ("s", "ms", "frames", "mm:ss", "hh:mm:ss", "mm:ss:ff", "hh:mm:ss:ff")
