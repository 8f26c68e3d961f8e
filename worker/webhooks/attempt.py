"""One attempt to send a claimed webhook message: resolve, check, sign, POST."""

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from app.core.errors import CallbackRefused
from app.core.settings import Network
from app.core.tracing.context import HEADER as TRACE_HEADER
from app.core.tracing.context import current_traceparent
from app.webhooks.callbacks import check_callback, parse_callback_url, resolve
from app.webhooks.secrets import ServiceSecretChanged
from app.webhooks.signing import sign
from worker.webhooks.delivery import Message, Outcome
from worker.webhooks.outbound import (
    DEADLINE_S,
    Answer,
    PostFailed,
    PostTimedOut,
    post,
    printable,
    usual_tls,
)
from worker.webhooks.resolver import LookupTimedOut, Resolve, Resolver, ResolverBusy

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Post:
    """How messages are sent: the secret, where they may go, whom TLS trusts.

    Attributes:
        secret: the service's own, which those of webhooks are computed from.
        deadline_s: from the first packet to the answer's last header.
        resolve: gives the addresses of a host and port; may block.
    """

    secret: str
    allow_nets: Sequence[Network] = ()
    tls: ssl.SSLContext = field(default_factory=usual_tls)
    deadline_s: float = DEADLINE_S
    resolve: Resolve = resolve


async def attempt(
    message: Message, *, how: Post, resolver: Resolver, clock: Callable[[], datetime]
) -> Outcome | None:
    """Send a message once; None: nothing was sent, and nothing need be recorded.

    Whatever the other server does, this ends and raises nothing. Canceled before the
    connection stood, it has sent nothing; canceled later, nobody knows what arrived.
    """
    at, started, is_connected = clock(), time.monotonic(), False

    def note_connection() -> None:
        nonlocal is_connected
        is_connected = True

    def ended(
        answer: Answer | None, error: str | None, *, late: bool = False
    ) -> Outcome:
        duration_ms = int((time.monotonic() - started) * 1000)
        return Outcome(at, duration_ms, answer, error, late)

    try:
        url = parse_callback_url(message.url)
        addresses = await resolver.lookup(url.host, url.port, message.lane)
        callback = check_callback(url, addresses, how.allow_nets)
        at, started = clock(), time.monotonic()
        answer = await post(
            callback,
            headers=_headers(message, secret=how.secret, at=at),
            body=message.body,
            deadline_s=how.deadline_s,
            tls=how.tls,
            on_connected=note_connection,
        )
    except ResolverBusy:
        return None
    except asyncio.CancelledError:
        if not is_connected:
            return None
        return ended(None, "the sender was stopped before an answer came")
    except (CallbackRefused, ServiceSecretChanged) as exc:
        return ended(None, printable(f"refused: {exc}"))
    except (LookupTimedOut, PostTimedOut) as exc:
        return ended(None, printable(str(exc)), late=True)
    except PostFailed as exc:
        return ended(None, str(exc))
    except Exception as exc:
        log.exception("webhook_attempt_crashed", delivery=str(message.id))
        return ended(None, printable(f"{type(exc).__name__}: {exc}"))
    return ended(answer, None)


def _headers(message: Message, *, secret: str, at: datetime) -> Mapping[str, str]:
    signing = message.signing
    signature = sign(
        *((secret,) if signing is None else signing.secrets(secret)),
        message_id=str(message.id),
        timestamp_s=int(at.timestamp()),
        body=message.body,
    )
    traceparent = current_traceparent()
    return {
        "content-type": "application/json",
        "user-agent": "touchline-webhook/1",
        **signature,
        **({TRACE_HEADER: traceparent} if traceparent is not None else {}),
    }
