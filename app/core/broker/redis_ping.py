"""Whether the broker's Redis answers: for who starts the service, or examines it.

A module of its own: redis' client loads more than a process that only sends needs.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import Any

import redis
from redis.sentinel import MasterNotFoundError, Sentinel

from app.core.broker.redis_broker import redis_url, tls_options, to_sentinels
from app.core.broker.redis_urls import SentinelUrl, is_sentinel, is_tls
from app.core.errors import StartFailed
from app.core.settings import Settings

TIMEOUT_S = 3.0


def check_redis(settings: Settings) -> None:
    """Make sure that the broker answers, and soon.

    Raises:
        StartFailed: it does not, or the URL is malformed.
    """
    url = redis_url(settings)
    options: dict[str, Any] = {
        "socket_connect_timeout": TIMEOUT_S,
        "socket_timeout": TIMEOUT_S,
    }
    if is_tls(url):
        options |= tls_options(settings)
    try:
        if is_sentinel(url):
            _ping_primary(SentinelUrl.parse(url), settings, options)
        else:
            with redis.Redis.from_url(url, **options) as client:
                client.ping()
    except (redis.RedisError, ValueError, OSError) as exc:
        raise StartFailed(f"TOUCHLINE_REDIS_URL cannot be used: {exc}") from exc


def _ping_primary(
    where: SentinelUrl, settings: Settings, options: Mapping[str, Any]
) -> None:
    own = {**options, "ssl": is_tls(settings.redis_url or "")}
    sentinels = Sentinel(  # type: ignore[no-untyped-call]  # redis has no types for it
        list(where.hosts), sentinel_kwargs=to_sentinels(settings), **own
    )
    try:
        primary = sentinels.master_for(  # type: ignore[no-untyped-call]  # likewise
            where.primary,
            username=where.user,
            password=where.password,
            db=where.database,
        )
        with closing(primary) as client:
            client.ping()
    except MasterNotFoundError as exc:
        raise StartFailed(
            f"TOUCHLINE_REDIS_URL: no Sentinel knows a primary {where.primary!r} that "
            f"answers ({exc})"
        ) from exc
    finally:
        for one in sentinels.sentinels:
            one.close()
