"""Match video in, a timeline of events out.

    import touchline

    result = touchline.load("arena-rny002").spot("match.mp4")
    result.events

Light to import: what decodes and what runs networks is loaded when it is needed.
"""

from touchline.evaluation import LabelScores, evaluate, read_labels
from touchline.models import Model, available_models, load
from touchline.results import Event, Result

__all__ = [
    "Event",
    "LabelScores",
    "Model",
    "Result",
    "available_models",
    "evaluate",
    "load",
    "read_labels",
]
