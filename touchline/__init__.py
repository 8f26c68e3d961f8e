"""Match video in, a timeline of events out.

    import touchline

    result = touchline.load("arena-rny002").spot("match.mp4")
    result.events

    with touchline.Client("http://localhost:8000") as client:
        video = client.wait(client.upload("match.mp4"))

Light to import: what decodes, runs networks or talks HTTP is loaded when it is needed.
"""

from touchline.client.client import Client
from touchline.client.errors import (
    ApiProblem,
    ClientError,
    JobFailed,
    NotReachable,
    UploadStopped,
    WaitTimeout,
)
from touchline.client.records import Video
from touchline.client.timeline_records import TimelineEvent
from touchline.client.webhooks import verify_webhook
from touchline.evaluation import LabelScores, evaluate, read_labels
from touchline.models import Model, available_models, load
from touchline.results import Event, Result

__all__ = [
    "ApiProblem",
    "Client",
    "ClientError",
    "Event",
    "JobFailed",
    "LabelScores",
    "Model",
    "NotReachable",
    "Result",
    "TimelineEvent",
    "UploadStopped",
    "Video",
    "WaitTimeout",
    "available_models",
    "evaluate",
    "load",
    "read_labels",
    "verify_webhook",
]
