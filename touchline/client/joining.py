"""One match that lies in several files becomes one video of the service."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Unpack

from touchline.client.reading import read
from touchline.client.records import Video
from touchline.client.uploading import OnUpload
from touchline.client.videos import VideoCalls, VideoFields, fields_of, id_of

PartsKind = Literal["halves", "consecutive"]
NO_MODEL = "none"


class JoinCalls(VideoCalls):
    """Make one video of several."""

    def join(
        self,
        videos: Sequence[Video | str],
        *,
        parts: PartsKind = "consecutive",
        keep_originals: bool = True,
        encode: bool | None = None,
        **about: Unpack[VideoFields],
    ) -> Video:
        """Have one video made of several; `wait` for it as for an upload.

        Args:
            videos: 2 to 20, in the order of play.
            parts: each is a half of the match, or they follow each other.
            keep_originals: False: they are deleted, with their events, once they are
                joined.
            encode: whether parts that differ may be encoded anew; None: if they last
                no longer than 10 minutes together.
            about: see `VideoFields`.
        """
        body = {
            "videos": [id_of(one) for one in videos],
            "parts": parts,
            "keep_originals": keep_originals,
            **({} if encode is None else {"encode": encode}),
            **fields_of(about),
        }
        return read(Video, self._http.json("POST", "/videos", body=body))

    def upload_parts(
        self,
        paths: Sequence[str | Path],
        *,
        parts: PartsKind = "consecutive",
        encode: bool | None = None,
        on_progress: OnUpload | None = None,
        **about: Unpack[VideoFields],
    ) -> Video:
        """Upload the files of one match, each as `upload` does, and have them joined.

        Of one file it is `upload`. If a later one does not get through, the ones
        before stay at the service as videos that no model has looked at.

        Args:
            paths: in the order of play.
            on_progress: is called with an `UploadProgress` of each file in turn.
            about: see `VideoFields`.

        Raises:
            OSError, ValueError, UploadStopped, ApiProblem: see `upload`.
        """
        if len(paths) == 1:
            return self.upload(paths[0], on_progress=on_progress, **about)
        sent = [
            self.upload(path, model=NO_MODEL, on_progress=on_progress) for path in paths
        ]
        return self.join(
            sent, parts=parts, keep_originals=False, encode=encode, **about
        )
