"""What can go wrong with the webhooks of a project."""

from app.core.errors import NotFound, RequestProblem


class WebhookNotFound(NotFound):
    """No webhook has that id."""

    slug, title = "webhook-not-found", "Webhook not found"


class TooManyWebhooks(RequestProblem):
    """The project has as many webhooks as it may have; delete one first."""

    status, slug, title = 409, "too-many-webhooks", "Too many webhooks"


class WebhookIsDisabled(RequestProblem):
    """The webhook is switched off; switch it on first, by `enabled`."""

    status, slug, title = 409, "webhook-is-disabled", "Webhook is disabled"


class DeliveryNotFound(NotFound):
    """No webhook delivery has that id."""

    slug, title = "delivery-not-found", "Delivery not found"
