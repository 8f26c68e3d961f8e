"""A model's file as it comes from a client: counted, checked, then given its name."""

import errno
import os
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

import anyio
from anyio.to_thread import run_sync

from app.checkpoints.problems import InvalidModel, ModelExists, ModelTooLarge
from app.checkpoints.service import models_dir
from app.core.errors import StorageFull
from app.core.resources import Resources
from app.videos.upload import with_idle_timeout
from model.checkpoint.publish import (
    IMPORTING,
    import_checkpoint_file,
    remove_leftovers,
)
from model.errors import CheckpointError, CheckpointExists

MAX_MODEL_BYTES = 2 * 2**30
LOOK_FOR_ROOM_EVERY = 16 * 2**20


async def receive_model(
    name: str,
    chunks: AsyncIterator[bytes],
    *,
    content_length: int | None,
    resources: Resources,
) -> None:
    """Take in a model; it is there whole, or nothing of it is.

    Raises:
        ModelTooLarge: it passes the limit.
        ModelExists: there is a model of that name.
        InvalidModel: the file or its name is at fault.
        UploadBroken: the client left, fell silent or trickled.
        StorageFull: there is no room for it.
    """
    folder = models_dir(resources.settings)
    _check_size(content_length or 0)
    folder.mkdir(parents=True, exist_ok=True)
    await run_sync(remove_leftovers, folder, limiter=resources.upload_threads)
    _check_room(resources, 2 * (content_length or 0))  # It is copied once.
    handle, temporary = tempfile.mkstemp(prefix=IMPORTING, dir=folder)
    path = Path(temporary)
    try:
        with os.fdopen(handle, "wb") as file:
            await _write(file, chunks, resources)
        await run_sync(_take_in, path, name, folder, limiter=resources.upload_threads)
    except OSError as exc:
        if exc.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_room() from exc
        raise
    finally:
        with anyio.CancelScope(shield=True):
            await run_sync(_remove, path, limiter=resources.upload_threads)


async def _write(
    file: BinaryIO, chunks: AsyncIterator[bytes], resources: Resources
) -> None:
    came, looked = 0, 0
    async for chunk in with_idle_timeout(chunks, resources.settings):
        came += len(chunk)
        _check_size(came)
        if came - looked >= LOOK_FOR_ROOM_EVERY:
            _check_room(resources, came)
            looked = came
        await run_sync(file.write, chunk, limiter=resources.upload_threads)


def _take_in(path: Path, name: str, folder: Path) -> None:
    try:
        import_checkpoint_file(path, name, folder)
    except CheckpointExists as exc:
        raise ModelExists(f"{_sentence(exc)}.", name=name) from exc
    except CheckpointError as exc:
        told = str(exc).replace(path.name, "The file")
        raise InvalidModel(f"{told[:1].upper()}{told[1:]}.") from exc


def _sentence(exc: Exception) -> str:
    told = str(exc)
    return told[:1].upper() + told[1:]


def _check_size(size_bytes: int) -> None:
    if size_bytes > MAX_MODEL_BYTES:
        raise ModelTooLarge(
            f"A model may have {MAX_MODEL_BYTES // 2**20} MiB at most.",
            limit_bytes=MAX_MODEL_BYTES,
        )


def _check_room(resources: Resources, coming_bytes: int) -> None:
    free = resources.storage.free_bytes()
    if free - coming_bytes < resources.settings.min_free_space:
        raise _no_room()


def _no_room() -> StorageFull:
    return StorageFull("The server's disk has no room for the model.")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
