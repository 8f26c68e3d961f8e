"""The page at `/`: plain files from `app/page/static`, no build, no network."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from app.core.http.routing import HeadRoute

FOLDER = Path(__file__).resolve().parent / "static"

router = APIRouter(include_in_schema=False, route_class=HeadRoute)
files = StaticFiles(directory=FOLDER)

HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "cache-control": "no-cache",
}


@router.get("/")
async def show_page() -> FileResponse:
    """Show the page."""
    return FileResponse(FOLDER / "index.html", headers=HEADERS)
