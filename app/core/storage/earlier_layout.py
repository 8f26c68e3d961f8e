"""What the first release kept as names of files in a data directory, and rows are now.

It marked an upload in flight by a locked file `incoming/<key>.<random>.lock` beside its
bytes, and moved a video that was being deleted to `trash/<prefix>.<random>`; keys and
prefixes were quoted. Each is told once and then cleared away.
"""

import fcntl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from uuid import UUID

from app.core.logging import warn_once
from app.core.storage.keys import source_key, video_of, video_prefix

MARKER, PART = ".lock", ".part"


def interrupted_uploads(data_dir: Path) -> Iterator[UUID]:
    """Tell the videos whose upload died, and remove what was half-written.

    A file may be in place under the video's key. The marker goes when the next one is
    asked for, so that a process killed meanwhile is told again.
    """
    for marker in sorted((data_dir / "incoming").glob(f"*%2F*{MARKER}")):
        try:
            key = unquote(marker.name.split(".")[0])
            video_id = video_of(key)
            with marker.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if key == source_key(video_id):
                    yield video_id
                marker.with_suffix(PART).unlink(missing_ok=True)
                marker.unlink()
        except ValueError:
            continue  # Not ours.
        except BlockingIOError:
            continue  # Its upload goes on.
        except OSError as exc:
            _skip(marker, exc)


def interrupted_deletions(data_dir: Path) -> Iterator[UUID]:
    """Tell the videos in the trash; each is then moved back to its place."""
    for heap in sorted((data_dir / "trash").glob("*%2F*")):
        try:
            prefix = unquote(heap.name.split(".")[0])
            video_id = video_of(prefix)
            if prefix != video_prefix(video_id) or heap.is_symlink():
                continue
            if heap.is_dir():
                yield video_id
                _move_back(heap, data_dir / prefix)
        except ValueError:
            continue  # Not ours.
        except OSError as exc:
            _skip(heap, exc)


def _move_back(heap: Path, home: Path) -> None:
    """Move files to their places, beside what is there."""
    for path in [path for path in heap.rglob("*") if path.is_file()]:
        target = home / path.relative_to(heap)
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists():
            path.unlink()
        else:
            path.replace(target)
    for folder in sorted(heap.rglob("*"), reverse=True):
        folder.rmdir()
    heap.rmdir()


def _skip(path: Path, exc: OSError) -> None:
    warn_once("stray_file_skipped", path=str(path), reason=exc.strerror or str(exc))
