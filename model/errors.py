"""Everything that can go wrong in `model/`, one tree.

    ModelError
    ├── VideoError            the file is at fault
    │   ├── UnreadableVideo       container or codec could not be decoded
    │   ├── UnsupportedMedia      a kind of file or codec that is not supported
    │   ├── NoVideoStream         no moving picture in the file
    │   └── VideoLimitExceeded    longer, larger or faster than the limits allow
    ├── SourceError           a live source is at fault
    │   ├── SourceUnreachable     it cannot be connected to, or it refuses
    │   └── SourceSilent          it sends no pictures, or no more
    ├── DecoderError          the decoding process is at fault
    │   ├── DecoderStalled        no progress within the watchdog's time
    │   └── DecoderCrashed        the child process died
    ├── CheckpointError       the checkpoint is at fault
    │   ├── BadCheckpoint         damaged, incomplete or contradictory
    │   │   └── CheckpointNotFound    none of that name is here
    │   ├── UnsupportedCheckpoint a version or architecture we do not run
    │   └── CheckpointExists      another one has the name
    ├── BadAnnotations        a label file or a data set is at fault
    ├── CannotWrite           a format of files cannot hold these events
    ├── CannotSplit           this video must be decoded in one piece
    ├── BadCut                these clips cannot be cut from this video
    ├── PartsDiffer           these files cannot be joined without encoding them anew
    ├── EngineError           the runtime is at fault
    │   └── EngineUnavailable     its library or device is not there
    ├── NoRoom                a file cannot be written: the disk is full
    ├── TrainingFailed        a training run cannot go on
    ├── TrainingStopped       a training run was asked to stop; it can be resumed
    ├── TrainingPaused        a training gives way to other work; it can be resumed
    └── Canceled              the caller asked to stop

`code` is stable and machine-readable; `retryable` says whether the same input may
succeed at another try. The message says what to do.
"""


class ModelError(Exception):
    """Root of what `model/` raises on bad input or a broken runtime."""

    code = "model_error"
    retryable = False


class VideoError(ModelError):
    """The video file is at fault."""

    code = "bad_video"


class UnreadableVideo(VideoError):
    """The container or codec could not be decoded."""

    code = "unreadable_video"


class UnsupportedMedia(VideoError):
    """The file is of a kind that is not supported (a playlist, a script, a still)."""

    code = "unsupported_media"


class NoVideoStream(VideoError):
    """The file holds no moving picture (sound only, or cover art)."""

    code = "no_video_stream"


class VideoLimitExceeded(VideoError):
    """The video is longer, larger or faster than the limits allow."""

    code = "video_limit_exceeded"


class SourceError(ModelError):
    """A live source is at fault."""

    code = "source_error"
    retryable = True


class SourceUnreachable(SourceError):
    """The source cannot be connected to, or it refuses what is asked of it."""

    code = "source_unreachable"


class SourceSilent(SourceError):
    """The source sends no pictures, or none any more, for longer than is waited."""

    code = "source_silent"


class DecoderError(ModelError):
    """The decoding process is at fault."""

    code = "decoder_error"
    retryable = True


class DecoderStalled(DecoderError):
    """The decoder made no progress within the watchdog's time."""

    code = "decoder_stalled"


class DecoderCrashed(DecoderError):
    """The decoding process died before the end of the video."""

    code = "decoder_crashed"


class CheckpointError(ModelError):
    """The checkpoint is at fault."""

    code = "bad_checkpoint"


class BadCheckpoint(CheckpointError):
    """The checkpoint is damaged, incomplete or contradicts itself."""


class CheckpointNotFound(BadCheckpoint):
    """No checkpoint of that name is on this machine."""


class UnsupportedCheckpoint(CheckpointError):
    """A format version or architecture that this release does not run."""

    code = "unsupported_checkpoint"


class CheckpointExists(CheckpointError):
    """Another checkpoint has the name; nothing was written."""

    code = "checkpoint_exists"


class BadAnnotations(ModelError):
    """A label file or data set cannot be used as it is."""

    code = "bad_annotations"


class CannotWrite(ModelError):
    """A format of files cannot hold these events; the message says why."""

    code = "cannot_write"


class CannotSplit(ModelError):
    """The video must be decoded from its beginning, in one piece; says why."""

    code = "cannot_split"


class BadCut(ModelError):
    """There is nothing to cut from a video, or too much; the message says what."""

    code = "bad_cut"


class PartsDiffer(ModelError):
    """Files are of different kinds: one video is made of them only by encoding."""

    code = "parts_differ"


class EngineError(ModelError):
    """The runtime that runs the network is at fault."""

    code = "engine_error"
    retryable = True


class EngineUnavailable(EngineError):
    """The runtime's library, device or exported form is not there."""

    code = "engine_unavailable"
    retryable = False


class NoRoom(ModelError):
    """A file cannot grow: the disk is full, or it became larger than it may."""

    code = "storage_full"
    retryable = True


class TrainingFailed(ModelError):
    """A training run cannot go on; the last good checkpoint is kept."""

    code = "training_failed"


class TrainingStopped(ModelError):
    """A training run was asked to stop; its state is kept for a resume."""

    code = "training_stopped"


class TrainingPaused(ModelError):
    """A training was asked to give way to other work; its state is kept."""

    code = "training_paused"
    retryable = True


class Canceled(ModelError):
    """The caller asked to stop; nothing of the run is kept."""

    code = "canceled"
