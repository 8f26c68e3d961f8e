"""Files of events with values that no match has, and files made to be slow."""

from collections.abc import Iterator

NUMBERS = (
    *("1e308", "-1e308", "1e400", "NaN", "Infinity", "-1", "0", "2147483648"),
    "9" * 400,  # more than a float holds
    "9" * 5000,  # more than int() reads
)
FEW = 200_000
"""Characters enough for whatever takes the square of them to be found out."""

_NO_LENGTH = "{'OTIO_SCHEMA': 'RationalTime.1', 'rate': 25, 'value': 0}"
# `#` is a number; ' stands for the quotation mark.
_IN_JSON = {
    "json": [
        "{'events': [{'type': 'PASS', 'time_s': #}]}",
        "{'events': [{'type': 'PASS', 'time_s': 1, 'frame': #}]}",
        "{'events': [{'type': 'PASS', 'time_s': 1, 'score': #}]}",
    ],
    "soccernet-labels": [
        "{'annotations': [{'gameTime': '1 - 00:09', 'label': 'A', 'position': #}]}",
        "{'annotations': [{'label': 'A', 'position': 1, 'half': #}]}",
        "{'annotations': [{'gameTime': '1 - #:09', 'label': 'A', 'position': 1}]}",
    ],
    "soccernet": ["{'predictions': [{'label': 'A', 'position': 1, 'confidence': #}]}"],
    "e2espot": [
        "[{'video': 'a', 'fps': #, 'num_frames': 9, 'events': "
        "[{'frame': 3, 'label': 'A'}]}]",
        "[{'video': 'a', 'fps': 25, 'num_frames': #, 'events': "
        "[{'frame': #, 'label': 'A'}]}]",
    ],
    "osl": [
        "{'version': '2.0', 'data': [{'id': 'a', 'inputs': [{'type': 'video', "
        f"'path': 'a.mp4', 'fps': {fps}}}], 'events': [{{'head': 'x', 'label': 'A', "
        f"'position_ms': {at}}}]}}]}}"
        for fps, at in (("#", "1"), ("25", "#"))
    ],
    "otio": [
        "{'OTIO_SCHEMA': 'Timeline.1', 'tracks': {'OTIO_SCHEMA': 'Stack.1', "
        "'children': [], 'markers': [{'OTIO_SCHEMA': 'Marker.2', 'name': 'A', "
        "'marked_range': {'OTIO_SCHEMA': 'TimeRange.1', 'duration': "
        f"{_NO_LENGTH}, 'start_time': {{'OTIO_SCHEMA': 'RationalTime.1', "
        f"'rate': {rate}, 'value': {value}}}}}}}]}}}}"
        for rate, value in (("#", "1"), ("25", "#"))
    ],
}
_IN_TEXT = {
    "csv": [
        *(f"label,{column}\nPASS,#\n" for column in ("time_s", "time_ms", "frame")),
        "label,time\nPASS,#:00:01\n",
        "label,time_s,score,frame\nPASS,1,#,#\n",
    ],
    "boris": ["Observation id,Behavior,Time\nx,PASS,#\n"],
    "sportscode": [
        "<file><ALL_INSTANCES><instance><start>#</start><end>#</end>"
        "<code>PASS</code></instance></ALL_INSTANCES></file>"
    ],
    "vtt": ["WEBVTT\n\n1\n#:00:00.000 --> #:00:01.000\nPASS\n"],
    "youtube": ["0:00 Start\n#:00:01 PASS\n", "0:00 Start\n#:01 PASS\n"],
    "edl": [
        "TITLE: m\n#  AX  V  C  #:00:09:00 00:00:10:00 00:00:00:00 00:00:01:00\n",
        "TITLE: m\n1  AX  V  C  00:00:09:00 00:00:10:00 00:00:00:00 00:00:01:00\n"
        "* LOC: 00:00:00:# RED PASS\n",
    ],
}
FILES = [
    *((name, one.replace("'", '"')) for name, all_ in _IN_JSON.items() for one in all_),
    *((name, one) for name, all_ in _IN_TEXT.items() for one in all_),
]
"""Names of formats, and files in them with `#` where a number stands."""


def slow_files() -> Iterator[tuple[str, str]]:
    """Give formats and files on which a careless pattern takes minutes."""
    yield "vtt", "WEBVTT\n\n1\n00:00:01.000 --> 00:00:02.000\n" + "<" * FEW
    yield "vtt", "WEBVTT\n" + "\n \t" * FEW
    yield "youtube", "0:00" + " " * FEW
    yield "youtube", " " * FEW + "- " + " " * FEW
    yield "edl", "TITLE: m\n001  AX V " + "a" * FEW + " b" * FEW
    yield "edl", "TITLE: m\n1 a b c" + " 00:00:01:00" * FEW
    yield "edl", "TITLE: m\n* LOC:" + " " * FEW
    comment = "<!-- touchline-provenance { -->"
    yield "sportscode", "<file><ALL_INSTANCES/>" + comment * FEW + "</file>"
    yield "sportscode", "<file><ALL_INSTANCES>" + "<a>" * FEW
    yield "csv", "label,time_s\n" + '"' * FEW
    yield "csv", "label,time_s\nPASS," + "1" * FEW + "x\n"
    yield "csv", "x" * 1_000_001 + ",label,time_s\nPASS,1\n"
    yield "boris", "Behavior,Time\n" + "," * FEW
    yield "json", "[" * FEW
