"""When each frame of a video is shown."""

from pathlib import PurePosixPath
from typing import Annotated

import numpy as np
from fastapi import Query, Request, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json

from app.core.errors import FramesUnknown, VideoNotFound
from app.core.http.dependencies import ResourcesDep, VideoId
from app.core.http.etags import has_already
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.videos.frame_times import fallback_from_facts, load_frame_times
from app.videos.service import find_video
from model.video.frame_times import MAX_FRAMES, FrameTimes

router = guarded_router("videos")

DECIMALS = 6  # of seconds, as they are sent
FrameNumber = Annotated[int | None, Query(ge=0, le=MAX_FRAMES, description="Included.")]


class Frames(BaseModel):
    """When the frames of a video are shown, for players that show exactly one.

    Seek to the middle of a frame: `(times_s[k] + times_s[k + 1]) / 2`, or where the
    rate is constant `start_s + (k + 0.5) / fps`.
    """

    count: int = Field(description="Frames of the video.")
    fps: float = Field(description="Frames a second on average.", examples=[29.97])
    is_constant: bool = Field(
        description="Frame k is shown at `start_s + k / fps`, within a millisecond."
    )
    is_exact: bool = Field(
        description="False: the video has not been decoded yet; a constant rate is "
        "supposed, by what its header says."
    )
    start_s: float = Field(description="When the first frame is shown.")
    duration_s: float = Field(description="When the last frame ends.")
    first: int = Field(description="The frame that `times_s` begins with.")
    times_s: list[float] | None = Field(
        description="When frames `first`, `first` + 1, ... are shown. Null where the "
        "rate is constant, unless `from` or `to` is given."
    )


@router.get(
    "/videos/{video_id}/frames",
    response_model=Frames,
    responses={
        304: {"description": "Unchanged since the `ETag` in `If-None-Match`."},
        **problem_responses(VideoNotFound, FramesUnknown),
    },
)
def get_frames(
    request: Request,
    video_id: VideoId,
    resources: ResourcesDep,
    first: Annotated[FrameNumber, Query(alias="from")] = None,
    last: Annotated[FrameNumber, Query(alias="to")] = None,
) -> Response:
    """Read when each frame is shown, counted as `frame` of events is: from 0.

    Times are those of a player, in seconds, to the microsecond.
    """
    with resources.sessions() as session:
        video = find_video(session, video_id)
    etag = _etag(video.frame_times_key)
    headers = {"cache-control": "private, no-cache"} | ({"etag": etag} if etag else {})
    if etag and has_already(request, etag):
        return Response(status_code=304, headers=headers)
    exact = load_frame_times(video, resources.storage)
    times = exact or fallback_from_facts(video)
    if times is None:
        raise FramesUnknown(
            f"Nothing is known of the frames of the video {video_id} yet: it is looked "
            "at when its job begins. Try again later."
        )
    body = _body(times, is_exact=exact is not None, first=first, last=last)
    if exact is None:
        headers.pop("etag", None)
    return Response(to_json(body), media_type="application/json", headers=headers)


def _body(
    times: FrameTimes, *, is_exact: bool, first: int | None, last: int | None
) -> dict[str, object]:
    is_told = not times.is_constant or first is not None or last is not None
    stretch = times.times_s[first : None if last is None else last + 1]
    return {
        "count": len(times),
        "fps": times.fps,
        "is_constant": times.is_constant,
        "is_exact": is_exact,
        "start_s": round(times.time_of(0), DECIMALS),
        "duration_s": round(times.until_s, DECIMALS),
        "first": min(first or 0, len(times)),
        "times_s": np.round(stretch, DECIMALS).tolist() if is_told else None,
    }


def _etag(key: str | None) -> str | None:
    return None if key is None else f'"frames-{PurePosixPath(key).stem}"'
