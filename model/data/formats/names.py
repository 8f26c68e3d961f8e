"""Names of the formats of event files, and where each is; a new one is a line here.

Kept apart from the formats, so that help texts name them without loading any.
"""

from collections.abc import Mapping

# Those that are told by their content come before those told by the name alone.
FORMAT_MODULES: Mapping[str, str] = {
    "json": "touchline_json:TOUCHLINE_JSON",
    "soccernet": "soccernet:SOCCERNET",
    "soccernet-labels": "soccernet:SOCCERNET_LABELS",
    "e2espot": "e2espot:E2ESPOT",
    "osl": "osl:OSL",
    "otio": "otio:OTIO",
    "sportscode": "sportscode:SPORTSCODE",
    "elan": "elan:ELAN",
    "vtt": "webvtt:WEBVTT",
    "boris": "boris:BORIS",
    "edl": "edl:EDL",
    "csv": "csv:CSV",
    "youtube": "youtube:YOUTUBE",
}
FORMAT_NAMES = tuple(FORMAT_MODULES)
