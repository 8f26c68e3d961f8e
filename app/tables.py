"""Every table of the service: importing this fills the metadata, for migrations."""

from app.core.db.base import Base
from app.health.tables import WorkerHeartbeat
from app.idempotency.tables import IdempotencyKeyRow
from app.jobs.tables import Job
from app.projects.tables import Project
from app.timelines.tables import Analysis, Event
from app.videos.tables import PendingDeletion, Upload, Video
from app.webhooks.tables import Delivery, DeliveryAttempt, WebhookEndpoint

metadata = Base.metadata

__all__ = [
    "Analysis",
    "Delivery",
    "DeliveryAttempt",
    "Event",
    "IdempotencyKeyRow",
    "Job",
    "PendingDeletion",
    "Project",
    "Upload",
    "Video",
    "WebhookEndpoint",
    "WorkerHeartbeat",
    "metadata",
]
