"""Which storage a service has: a folder of this machine, or a bucket."""

from app.core.storage.addresses import read_address
from app.core.storage.interface import Storage
from app.core.storage.local import LocalStorage
from app.core.storage.settings import StorageSettings

CACHE = "cache"  # the folder in the data directory


def open_storage(settings: StorageSettings) -> Storage:
    """Open the storage of a service; API and workers call this very function.

    Raises:
        StartFailed: a bucket is configured, but nothing says how to get in, or what
            reads buckets is not installed.
    """
    if settings.storage is None:
        return LocalStorage(settings.data_dir)
    from app.core.storage.local_cache import LocalCache
    from app.core.storage.object_store import ObjectStorage

    folder = settings.cache_dir or settings.data_dir / CACHE
    return ObjectStorage(
        read_address(settings.storage),
        LocalCache(folder, settings.cache_size),
        retry_for=settings.storage_retry,
    )
