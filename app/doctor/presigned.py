"""Whether clients reach the bucket by the addresses that the service signs for them."""

from uuid import uuid4

import httpx

from app.core.settings import Settings
from app.core.storage.addresses import read_address
from app.core.storage.bucket_objects import BucketObjects
from app.core.storage.presigning import make_presigner
from app.doctor.buckets import CONTENT, FOLDER, PATIENCE
from app.doctor.findings import Finding, ok, problem, warning

PART = "presigned"
TIMEOUT_S = 5.0
ENDPOINT = "set TOUCHLINE_PRESIGNED_ENDPOINT to where clients see the bucket"


def check_presigned(settings: Settings) -> Finding:
    """Load a small object by such an address, as a client does.

    Raises:
        StartFailed: what reads buckets is not installed, or nothing says how to get in
            or what to sign with.
    """
    if not (settings.presigned_downloads or settings.presigned_uploads):
        return ok(PART, "none: all bytes pass the API")
    address = read_address(settings.storage or "")
    presigner, path = make_presigner(settings), f"{FOLDER}/{uuid4()}"
    objects = BucketObjects(address, retry_for=PATIENCE)
    try:
        objects.put(path, CONTENT)
    except OSError as exc:
        return warning(PART, f"not tried: {exc.strerror}", "see the bucket above")
    try:
        url = presigner.download(path, media_type="text/plain", disposition="inline")
        return _verdict(url, presigner.origin)
    finally:
        objects.delete([path])


def _verdict(url: str, origin: str) -> Finding:
    try:
        answer = httpx.get(url, timeout=TIMEOUT_S)
    except httpx.HTTPError as exc:
        return warning(
            PART,
            f"{origin} does not answer this machine: {exc}",
            f"if clients do not reach it either, {ENDPOINT}",
        )
    if answer.status_code == 200 and answer.content == CONTENT:
        return ok(PART, f"files are loaded from {origin}")
    return problem(
        PART,
        f"{origin} refuses what is signed for it ({answer.status_code})",
        f"{ENDPOINT}, and let proxies pass Host, path and query on as they are",
    )
