"""The keys of stored files; they never hold a client's words."""

from pathlib import PurePosixPath
from uuid import UUID


def video_prefix(video_id: UUID) -> str:
    """Name the folder that holds all of one video's files."""
    return f"videos/{video_id}"


def video_of(key: str) -> UUID:
    """Tell whose file a key names.

    Raises:
        ValueError: it is not of a video.
    """
    parts = PurePosixPath(key).parts
    if len(parts) < 2 or parts[0] != "videos":
        raise ValueError(f"not of a video: {key!r}")
    return UUID(parts[1])


def source_key(video_id: UUID) -> str:
    """Name the uploaded file of a video."""
    return f"{video_prefix(video_id)}/source"


def thumbnail_key(video_id: UUID, token: UUID, name: str) -> str:
    """Name one of the pictures that one run made of a video.

    Args:
        token: the lease under which the job runs.
        name: of the file.
    """
    return f"{video_prefix(video_id)}/thumbnails/{token}/{name}"


def is_thumbnail_key(key: str) -> bool:
    """Whether a key is one that `thumbnail_key` makes."""
    parts = PurePosixPath(key).parts
    return len(parts) == 5 and parts[2] == "thumbnails"


def scores_key(video_id: UUID, job_id: UUID, token: UUID) -> str:
    """Name the score curves of one run; no two runs of a job share a file.

    Args:
        token: the lease under which the job runs.
    """
    return f"{video_prefix(video_id)}/scores/{job_id}.{token}.npz"


def is_scores_key(key: str) -> bool:
    """Whether a key is one that `scores_key` makes."""
    path = PurePosixPath(key)
    return path.parts[2:-1] == ("scores",) and path.suffix == ".npz"
