"""Why the bytes of a video did not come: how jobs that bring them fail."""

from app.core.errors import JobFailure


class DownloadRefused(JobFailure):
    """The address, or one that it leads to, may not be called."""

    code = "download_refused"


class SourceNotFound(JobFailure):
    """Nothing is there, or not for us."""

    code = "source_not_found"


class SourceIsPage(JobFailure):
    """The address gives a web page, not a video."""

    code = "source_is_page"


class SourceUnusable(JobFailure):
    """What came is nothing that can be stored: empty, or packed."""

    code = "source_unusable"


class SourceTooLarge(JobFailure):
    """There is more of it than a video may have."""

    code = "source_too_large"


class DownloadTooSlow(JobFailure):
    """The download took longer than one may."""

    code = "download_too_slow"


class DownloadFailed(JobFailure):
    """Connection or server failed; it may go on later."""

    code, retryable = "download_failed", True


class SourceChanged(JobFailure):
    """The object became another one while it was read."""

    code, retryable = "source_changed", True


class ImportMissing(JobFailure):
    """The file is not in the folder of imports any more."""

    code = "import_missing"


class ImportUnfinished(JobFailure):
    """The file is still being written."""

    code, retryable = "import_unfinished", True
