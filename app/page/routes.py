"""The page at `/`: plain files from `app/page/static`, no build, no network."""

import hashlib
import re
from base64 import b64encode
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from app.core.http.dependencies import service_of
from app.core.http.routing import HeadRoute

FOLDER = Path(__file__).resolve().parent / "static"
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)

router = APIRouter(include_in_schema=False, route_class=HeadRoute)
files = StaticFiles(directory=FOLDER)


def content_security_policy(html: str, *, media: str, uploads: str) -> str:
    """Allow this origin's files, and the scripts that stand in the page by their hash.

    The only such script is the import map, which browsers take inline alone.

    Args:
        media: another origin from which videos may be played; empty: none.
        uploads: another origin to which files may be sent; empty: none.
    """
    hashes = " ".join(f"'{_hash(script)}'" for script in INLINE_SCRIPT.findall(html))
    medias = " ".join(("'self'", "blob:", *media.split()))
    callees = " ".join(("'self'", *uploads.split()))
    return (
        f"default-src 'self'; script-src 'self' {hashes}; img-src 'self' data: blob:; "
        f"media-src {medias}; connect-src {callees}; "
        "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{b64encode(digest).decode()}"


@router.get("/")
async def show_page(request: Request) -> FileResponse:
    """Show the page."""
    resources = service_of(request)
    downloads, uploads = resources.presigner, resources.part_uploads
    policy = _policy(
        downloads.origin if downloads is not None else "",
        uploads.presigner.origin if uploads is not None else "",
    )
    return FileResponse(
        FOLDER / "index.html",
        headers={"content-security-policy": policy, "cache-control": "no-cache"},
    )


@cache
def _policy(media: str, uploads: str) -> str:
    html = (FOLDER / "index.html").read_text(encoding="utf-8")
    return content_security_policy(html, media=media, uploads=uploads)
