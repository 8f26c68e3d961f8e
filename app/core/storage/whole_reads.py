"""A whole object of a bucket, read into a file of this machine."""

import errno
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

READ_BYTES = 16 * 2**20  # by one request
READS_AT_ONCE = 4

Read = Callable[[int, int], bytes]


def read_into(
    handle: int, size_bytes: int, read: Read, on_progress: Callable[[int], None]
) -> None:
    """Read all of an object into an empty file, several stretches at once.

    Args:
        handle: of the file, open for writing.
        read: gives the bytes from a place to another.
        on_progress: is told how many bytes are done; what it raises ends it all.

    Raises:
        FileNotFoundError, ObjectChanged, StorageUnavailable: as `read` does.
    """
    os.ftruncate(handle, 0)
    starts = range(0, size_bytes, READ_BYTES)

    def fetch(start: int) -> int:
        end = min(start + READ_BYTES, size_bytes)
        return write_stretch(handle, start, end, read(start, end))

    done = 0
    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        try:
            for count in pool.map(fetch, starts):
                done += count
                on_progress(done)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def write_stretch(handle: int, start: int, end: int, data: bytes) -> int:
    """Write what was read of an object to its place; gives how many bytes.

    Raises:
        OSError: the bytes are too few, or there is no room for all of them.
    """
    if len(data) != end - start:
        raise OSError(errno.EIO, "the object was shorter than the bucket told")
    left = memoryview(data)
    while left:  # A disk that fills up takes a part first, without an error.
        left = left[os.pwrite(handle, left, end - len(left)) :]
    return len(data)
