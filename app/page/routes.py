"""The page at `/`: plain files from `app/page/static`, no build, no network."""

import hashlib
import re
from base64 import b64encode
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from app.core.http.routing import HeadRoute

FOLDER = Path(__file__).resolve().parent / "static"
INLINE_SCRIPT = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)

router = APIRouter(include_in_schema=False, route_class=HeadRoute)
files = StaticFiles(directory=FOLDER)


def content_security_policy(html: str) -> str:
    """Allow this origin's files, and the scripts that stand in the page by their hash.

    The only such script is the import map, which browsers take inline alone.
    """
    hashes = " ".join(f"'{_hash(script)}'" for script in INLINE_SCRIPT.findall(html))
    return (
        f"default-src 'self'; script-src 'self' {hashes}; img-src 'self' data: blob:; "
        "media-src 'self' blob:; connect-src 'self'; "
        "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    )


def _hash(script: str) -> str:
    digest = hashlib.sha256(script.encode()).digest()
    return f"sha256-{b64encode(digest).decode()}"


HEADERS = {
    "content-security-policy": content_security_policy(
        (FOLDER / "index.html").read_text(encoding="utf-8")
    ),
    "cache-control": "no-cache",
}


@router.get("/")
async def show_page() -> FileResponse:
    """Show the page."""
    return FileResponse(FOLDER / "index.html", headers=HEADERS)
