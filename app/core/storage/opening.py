"""Which storage a service has: a folder of this machine, or a bucket."""

from app.core.storage.addresses import read_address
from app.core.storage.interface import Storage
from app.core.storage.linked import LinkedStorage
from app.core.storage.local import LocalStorage
from app.core.storage.local_cache import LocalCache
from app.core.storage.settings import StorageSettings

CACHE = "cache"  # the folder in the data directory


def open_storage(settings: StorageSettings) -> Storage:
    """Open the storage of a service; API and workers call this very function.

    Raises:
        StartFailed: a bucket is configured, but nothing says how to get in, or what
            reads buckets is not installed.
    """
    cache = _cache(settings)
    return LinkedStorage(_open_plain(settings, cache), settings, cache)


def open_plain_storage(settings: StorageSettings) -> Storage:
    """Open the storage of a service for whoever copies it: links are not followed.

    Raises:
        StartFailed: see `open_storage`.
    """
    return _open_plain(settings, _cache(settings))


def _cache(settings: StorageSettings) -> LocalCache:
    folder = settings.cache_dir or settings.data_dir / CACHE
    return LocalCache(folder, settings.cache_size)


def _open_plain(settings: StorageSettings, cache: LocalCache) -> Storage:
    if settings.storage is None:
        return LocalStorage(settings.data_dir)
    from app.core.storage.object_store import ObjectStorage
    from app.core.storage.part_uploads import open_multipart

    return ObjectStorage(
        read_address(settings.storage),
        cache,
        retry_for=settings.storage_retry,
        uploads=open_multipart(settings),
    )
