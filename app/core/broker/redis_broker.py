"""Redis as the broker: Celery's configuration for it.

What the workers wait for is told again by the sweep, so a failover costs a delay.
"""

import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from app.core.broker.redis_urls import (
    SentinelUrl,
    is_sentinel,
    is_tls,
    with_password,
)
from app.core.settings import Settings

TIMEOUT_S = 3.0  # connect and answer; a slow broker must not hold an upload
BUSY_S = 30.0  # longer than the 1 s of a blocking read
OPTIONS: Mapping[str, object] = {
    "socket_connect_timeout": TIMEOUT_S,
    "socket_timeout": BUSY_S,
    "socket_keepalive": True,
    "health_check_interval": 25,
    "retry_on_timeout": False,
    "max_retries": 1,
    "interval_start": 0.1,
}


def redis_configuration(settings: Settings) -> dict[str, object]:
    """Give Celery's settings for the Redis that is configured."""
    url = redis_url(settings)
    options = dict(OPTIONS)
    found: dict[str, object] = {
        "broker_url": url,
        "broker_transport_options": options,
    }
    if is_sentinel(url):
        where = SentinelUrl.parse(url)
        found["broker_url"] = ";".join(_kombu_urls(where))
        options["master_name"] = where.primary
        options["sentinel_kwargs"] = to_sentinels(settings)
    if is_tls(url):
        found["broker_use_ssl"] = tls_options(settings)
    return found


def redis_url(settings: Settings) -> str:
    """Give the URL with its password."""
    url, password = settings.redis_url or "", settings.redis_password
    return url if password is None else with_password(url, password.get_secret_value())


def to_sentinels(settings: Settings) -> dict[str, object]:
    """Say how the Sentinels themselves are spoken to."""
    options: dict[str, object] = {
        "socket_connect_timeout": TIMEOUT_S,
        "socket_timeout": TIMEOUT_S,
    }
    if settings.redis_sentinel_password is not None:
        options["password"] = settings.redis_sentinel_password.get_secret_value()
    if is_tls(settings.redis_url or ""):
        options |= {"ssl": True, **tls_options(settings)}
    return options


def tls_options(settings: Settings) -> dict[str, Any]:
    """Say whom to trust: kombu would trust anybody, if nothing else is said."""
    found: dict[str, Any] = {
        "ssl_cert_reqs": ssl.CERT_REQUIRED,
        "ssl_check_hostname": True,
    }
    files = {
        "ssl_ca_certs": settings.redis_ca,
        "ssl_certfile": settings.redis_cert,
        "ssl_keyfile": settings.redis_key,
    }
    return found | {name: str(path) for name, path in files.items() if path is not None}


def _kombu_urls(where: SentinelUrl) -> list[str]:
    """Write the Sentinels as kombu reads them; Redis' own password stands in each."""
    user = "" if where.user is None else f"{quote(where.user, safe='')}@"
    urls = [f"sentinel://{user}{host}:{port}" for host, port in where.hosts]
    if where.password is not None:
        urls = [with_password(url, where.password) for url in urls]
    return [f"{url}/{where.database}" for url in urls]
