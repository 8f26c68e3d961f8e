"""The ids in paths of webhooks and their messages."""

from typing import Annotated
from uuid import UUID

from app.core.http.dependencies import id_in_path
from app.webhooks.problems import DeliveryNotFound, WebhookNotFound

WebhookId = Annotated[UUID, id_in_path(WebhookNotFound, "webhook")]
DeliveryId = Annotated[UUID, id_in_path(DeliveryNotFound, "delivery")]
