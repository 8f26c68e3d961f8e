"""The pictures of a video: which files they are, and where they are read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from app.clips.problems import NoThumbnails
from app.clips.queries import show_thumbnails
from app.core.storage.keys import thumbnail_key
from app.videos.service import find_video

SHEET_ADDRESS = "thumbnails.jpg"
"""Where the cues find the sheet, as seen from their own address."""


@dataclass(frozen=True, slots=True)
class ThumbnailKeys:
    """Where the pictures that one run made of a video are stored.

    Attributes:
        poster: one JPEG that shows what the video is.
        sheet: a JPEG with many small stills, side by side.
        cues: WebVTT that says which still stands for which time.
    """

    poster: str
    sheet: str
    cues: str

    @classmethod
    def of_run(cls, video_id: UUID, token: UUID) -> "ThumbnailKeys":
        """Name the files of one run; no two runs share one."""
        return cls(
            poster=thumbnail_key(video_id, token, "poster.jpg"),
            sheet=thumbnail_key(video_id, token, "sprite.jpg"),
            cues=thumbnail_key(video_id, token, "sprite.vtt"),
        )

    @classmethod
    def of_row(cls, stored: Mapping[str, str]) -> "ThumbnailKeys":
        """Read them back from a video's row."""
        return cls(**stored)

    def save(self, session: Session, video_id: UUID) -> None:
        """Let the video be shown by these."""
        session.execute(show_thumbnails(video_id, asdict(self)))

    def all(self) -> tuple[str, str, str]:
        """List every file."""
        return self.poster, self.sheet, self.cues


def find_thumbnails(session: Session, video_id: UUID) -> ThumbnailKeys:
    """Tell by which files a video is shown.

    Raises:
        VideoNotFound: no video has that id.
        NoThumbnails: none have been made yet.
    """
    stored = find_video(session, video_id).thumbnails
    if stored is None:
        raise no_thumbnails(video_id)
    return ThumbnailKeys.of_row(stored)


def no_thumbnails(video_id: UUID) -> NoThumbnails:
    """Say that a video has no pictures yet."""
    return NoThumbnails(
        f"The video {video_id} has no thumbnails yet. They are made after the upload; "
        "try again later."
    )
