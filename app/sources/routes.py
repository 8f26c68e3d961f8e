"""The folder of imports: which video files are there."""

from typing import Literal

from app.core.errors import InvalidCursor
from app.core.http.cursors import Cursor
from app.core.http.dependencies import ResourcesDep
from app.core.http.pagination import PagingDep
from app.core.http.problems import problem_responses
from app.core.http.routing import guarded_router
from app.sources.problems import ImportNotFound
from app.sources.schemas import ImportFile, ImportPage
from app.sources.service import list_imports

router = guarded_router("videos")


class ImportsCursor(Cursor):
    """After a path."""

    list: Literal["imports"] = "imports"
    after: str


@router.get("/imports", responses=problem_responses(ImportNotFound, InvalidCursor))
def list_import_files(
    paging: PagingDep,
    resources: ResourcesDep,
) -> ImportPage:
    """List video files in the folder that the operator names, by path.

    `POST /videos {"import": path}` makes a video of one.
    """
    start = paging.start(ImportsCursor)
    after = None if start is None else start.after
    found = list_imports(resources.settings, after=after, limit=paging.limit)
    page, next_cursor = paging.cut(
        found, cursor_after=lambda file: ImportsCursor(after=file.path)
    )
    items = [
        ImportFile(
            path=file.path, size_bytes=file.size_bytes, modified_at=file.modified_at
        )
        for file in page
    ]
    return ImportPage(items=items, next_cursor=next_cursor)
