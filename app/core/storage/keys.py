"""The keys of stored files; they never hold a client's words."""

from pathlib import PurePosixPath
from uuid import UUID

CLIPS_FOLDER = "clips"
FOLDERS = ("videos", CLIPS_FOLDER)
"""In which files of videos lie."""
UPLOADS_FOLDER = "uploads"
GROWING_FOLDER = "growing"
LINK_SUFFIX = ".link"


def video_prefix(video_id: UUID) -> str:
    """Name the folder that holds all of one video's files."""
    return f"videos/{video_id}"


def video_of(key: str) -> UUID:
    """Tell whose file a key names; of a clip of several videos, the first one's.

    Raises:
        ValueError: it is not of a video.
    """
    parts = PurePosixPath(key).parts
    if len(parts) < 2 or parts[0] not in FOLDERS:
        raise ValueError(f"not of a video: {key!r}")
    return UUID(parts[1])


def is_of_service(path: str) -> bool:
    """Whether a path is one that this module names, or lies under such a folder.

    So it is told from what somebody else keeps in the same place. Chunks of what grows
    lie under the whole key.
    """
    parts = PurePosixPath(path).parts
    if parts[:1] == (GROWING_FOLDER,):
        parts = parts[1:]
    if len(parts) < 2 or parts[0] not in (*FOLDERS, UPLOADS_FOLDER):
        return False
    try:
        UUID(parts[1])
    except ValueError:
        return False
    return True


def source_key(video_id: UUID) -> str:
    """Name the uploaded file of a video."""
    return f"{video_prefix(video_id)}/source"


def fetched_key(video_id: UUID, token: UUID) -> str:
    """Name a video's file that one run of a job brought; no two runs share it.

    Args:
        token: the lease under which the job runs.
    """
    return f"{video_prefix(video_id)}/fetched/{token}"


def linked_key(video_id: UUID, token: UUID) -> str:
    """Name the link that one run of a job made to a video's file in another bucket.

    Args:
        token: the lease under which the job runs.
    """
    return f"{fetched_key(video_id, token)}{LINK_SUFFIX}"


def part_key(video_id: UUID) -> str:
    """Name what has come so far of a video's file that is being downloaded."""
    return f"{video_prefix(video_id)}/fetched/part"


def part_facts_key(video_id: UUID) -> str:
    """Name what is known of that file, so that a later run can go on."""
    return f"{video_prefix(video_id)}/fetched/part.json"


def is_fetched_key(key: str) -> bool:
    """Whether a key is one of the four above."""
    parts = PurePosixPath(key).parts
    return len(parts) == 4 and parts[2] == "fetched"


def joined_part_key(video_id: UUID, number: int) -> str:
    """Name one of the uploaded files that a video's file is to be made of.

    Args:
        number: of the part, from 1; the first one is where a sole file would be.
    """
    if number == 1:
        return source_key(video_id)
    return f"{video_prefix(video_id)}/parts/{number}"


def is_joined_part_key(key: str) -> bool:
    """Whether a key is one that `joined_part_key` makes, but for the first part's."""
    parts = PurePosixPath(key).parts
    return len(parts) == 4 and parts[2] == "parts"


def upload_prefix(upload_id: UUID) -> str:
    """Name the folder of an upload that may be resumed."""
    return f"{UPLOADS_FOLDER}/{upload_id}"


def upload_key(upload_id: UUID) -> str:
    """Name what has come so far of an upload that may be resumed."""
    return f"{upload_prefix(upload_id)}/part"


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


def proxy_key(video_id: UUID, token: UUID) -> str:
    """Name the copy for browsers that one run made of a video.

    Args:
        token: the lease under which the job runs.
    """
    return f"{video_prefix(video_id)}/proxy/{token}.mp4"


def is_proxy_key(key: str) -> bool:
    """Whether a key is one that `proxy_key` makes."""
    path = PurePosixPath(key)
    return path.parts[2:-1] == ("proxy",) and path.suffix == ".mp4"


def clip_key(video_id: UUID, clip_id: UUID, token: UUID, suffix: str) -> str:
    """Name the file that one run made of a clip.

    Args:
        token: the lease under which the job runs.
        suffix: with its dot.
    """
    return f"{video_prefix(video_id)}/clips/{clip_id}.{token}{suffix}"


def match_clips_prefix(video_id: UUID) -> str:
    """Name the folder of the clips of several videos that begin with this one."""
    return f"{CLIPS_FOLDER}/{video_id}"


def match_clip_key(video_id: UUID, clip_id: UUID, token: UUID, suffix: str) -> str:
    """Name the file that one run made of a clip of several videos.

    Args:
        video_id: the first one.
        clip_id: its clip.
        token: the lease under which the job runs.
        suffix: with its dot.
    """
    return f"{match_clips_prefix(video_id)}/{clip_id}.{token}{suffix}"


def is_clip_key(key: str) -> bool:
    """Whether a key is one that the two above make."""
    parts = PurePosixPath(key).parts
    is_of_several = len(parts) == 3 and parts[0] == CLIPS_FOLDER
    return is_of_several or parts[2:-1] == ("clips",)


def report_key(video_id: UUID, report_id: UUID, token: UUID) -> str:
    """Name the file that one run made of a report.

    Args:
        token: the lease under which the job runs.
    """
    return f"{video_prefix(video_id)}/reports/{report_id}.{token}.html"


def is_report_key(key: str) -> bool:
    """Whether a key is one that `report_key` makes."""
    return PurePosixPath(key).parts[2:-1] == ("reports",)


def frame_times_key(video_id: UUID, token: UUID) -> str:
    """Name the times of a video's frames, as one run found them.

    Args:
        token: the lease under which the job runs.
    """
    return f"{video_prefix(video_id)}/frames/{token}.npz"


def is_frame_times_key(key: str) -> bool:
    """Whether a key is one that `frame_times_key` makes."""
    path = PurePosixPath(key)
    return path.parts[2:-1] == ("frames",) and path.suffix == ".npz"


def live_segment_key(video_id: UUID, token: UUID, number: int) -> str:
    """Name a piece of what one run recorded of a live stream.

    Args:
        token: the lease under which the job runs.
        number: of the piece, from 0.
    """
    return f"{video_prefix(video_id)}/live/{token}.{number:06}.mp4"


def is_live_segment_key(key: str) -> bool:
    """Whether a key is one that `live_segment_key` makes."""
    path = PurePosixPath(key)
    return path.parts[2:-1] == ("live",) and path.suffix == ".mp4"


def saved_runs_prefix(video_id: UUID, job_id: UUID) -> str:
    """Name the folder of all that the runs of a job save while they go on."""
    return f"{video_prefix(video_id)}/runs/{job_id}"


def saved_run_key(video_id: UUID, job_id: UUID, token: UUID, number: int) -> str:
    """Name one part of what a run saves while it goes on.

    Args:
        token: the lease under which the job runs.
        number: of the part, from 0.
    """
    return f"{saved_runs_prefix(video_id, job_id)}/{token}.{number:05}.npz"


def segment_key(video_id: UUID, parent_id: UUID, token: UUID) -> str:
    """Name the curves of one segment, which lie with what the runs of its parent saved.

    Args:
        video_id: whose segment it is.
        parent_id: the job that joins the segments.
        token: the lease under which the segment's own job runs.
    """
    return f"{saved_runs_prefix(video_id, parent_id)}/{token}.segment.npz"


def step_index_key(video_id: UUID, job_id: UUID, token: UUID) -> str:
    """Name what a job's segments need to know of its video's frames.

    Args:
        video_id: whose frames they are.
        job_id: the job that joins the segments.
        token: the lease under which it planned them.
    """
    return f"{saved_runs_prefix(video_id, job_id)}/{token}.index.npz"


def is_saved_run_key(key: str) -> bool:
    """Whether a key is of `saved_run_key`, `segment_key` or `step_index_key`."""
    parts = PurePosixPath(key).parts
    if len(parts) != 5 or parts[2] != "runs":
        return False
    try:
        job_of_saved_run(key)
    except ValueError:
        return False
    return True


def job_of_saved_run(key: str) -> UUID:
    """Tell whose run a key of `saved_run_key` names.

    Raises:
        ValueError: it is no such key.
    """
    return UUID(PurePosixPath(key).parts[3])
