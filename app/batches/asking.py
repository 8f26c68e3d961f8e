"""What a batch that is asked for comes to: its model as of now, its source allowed."""

from collections.abc import Sequence

from anyio.to_thread import run_sync

from app.batches.request_schemas import NewBatch, NewItem
from app.batches.service import BatchRequest
from app.checkpoints.catalogue import check_model, file_name, find_manifest
from app.checkpoints.service import current_default
from app.core.errors import InvalidRequest, UnknownModel
from app.core.resources import Resources
from app.core.settings import Settings
from app.core.storage.addresses import is_bucket_url
from app.core.storage.buckets import check_bucket
from app.sources.problems import ImportNotFound, SourceRefused
from app.timelines.tables import SPOTTING
from app.webhooks.checking import check_address

WEIGHTS_FILE = "weights.safetensors"


async def check_request(asked: NewBatch, resources: Resources) -> BatchRequest:
    """Take what is asked for, or say what cannot be.

    Raises:
        UnknownModel, ImportNotFound, SourceRefused, CallbackRefused: it names what
            cannot be used.
    """
    if asked.callback_url is not None:
        await check_address(asked.callback_url, resources)
    settings = resources.settings
    check_source(asked, settings)
    check_items(asked.items or (), settings)
    model, weights = await run_sync(_model_of, asked.model, settings)
    return BatchRequest(
        source=asked.source,
        model=model,
        weights=weights,
        priority=asked.priority,
        name=asked.name,
        callback_url=asked.callback_url,
        again=asked.again,
        is_open=asked.open,
    )


def check_source(asked: NewBatch, settings: Settings) -> None:
    """Make sure that a source may be listed, as far as can be told at once.

    Raises:
        ImportNotFound: there is no folder of imports.
        SourceRefused: the folder leads out of it.
    """
    if asked.bucket is not None:
        _check_bucket(asked.bucket, settings)
    if asked.imports is None:
        return
    if settings.import_dir is None:
        raise ImportNotFound(
            "No folder of imports is set up; the operator names one with "
            "TOUCHLINE_IMPORT_DIR."
        )
    parts = asked.imports.strip("/").split("/")
    if parts != [""] and any(one.startswith(".") or not one for one in parts):
        raise SourceRefused(
            f"imports {asked.imports[:200]!r} is no path inside the folder."
        )


def check_items(items: Sequence[NewItem], settings: Settings) -> None:
    """Make sure that objects lie in buckets that may be read; others fail one by one.

    Raises:
        SourceRefused: one does not.
    """
    for one in items:
        if one.url is not None and is_bucket_url(one.url):
            _check_bucket(one.url, settings)


def _check_bucket(url: str, settings: Settings) -> None:
    try:
        check_bucket(url, settings)
    except InvalidRequest as exc:
        raise SourceRefused(exc.detail) from exc


def _model_of(name: str | None, settings: Settings) -> tuple[str, dict[str, object]]:
    """Name a model by its file, and tell what shows that it has analysed a video."""
    name = name or current_default(settings)
    if name is None:
        raise UnknownModel("No model is installed as the default one; name one.")
    check_model(name, settings)
    name = file_name(name, settings)
    manifest = find_manifest(name, settings)
    weights = manifest.files.get(WEIGHTS_FILE)
    return name, {
        "sha256": weights.sha256 if weights else None,
        SPOTTING: manifest.spotting.to_dict(),
    }
