"""How processes speak: one line an event on stderr, for people or for machines."""

import logging
import sys
from functools import lru_cache

import structlog
from structlog.typing import Processor

UVICORN = ("uvicorn", "uvicorn.access", "uvicorn.error")  # bring handlers of their own
QUIET = (
    "azure",
    "httpx",
    "httpcore",
    "kombu",
    "amqp",
    "alembic.runtime",
)  # warnings only


def configure_logging(log_format: str, *, level: int = logging.INFO) -> None:
    """Send structlog and the standard library's logging down one path.

    Only entries call this. `log_format` is `console` or `json`.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_renderers(log_format),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    logging.captureWarnings(capture=True)
    for name in UVICORN:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


@lru_cache(maxsize=4096)
def warn_once(event: str, *, path: str, reason: str) -> None:
    """Log a warning about a file the first time; what is looked at often stays so."""
    structlog.get_logger(__name__).warning(event, path=path, reason=reason)


def _renderers(log_format: str) -> list[Processor]:
    if log_format == "json":
        return [
            structlog.processors.ExceptionRenderer(
                # Locals would carry keys and secrets into the log.
                structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
            ),
            structlog.processors.JSONRenderer(),
        ]
    return [
        structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(),
            exception_formatter=structlog.dev.plain_traceback,
        )
    ]
