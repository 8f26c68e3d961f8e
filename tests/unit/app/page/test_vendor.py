"""What is vendored for the page is what was recorded, and all of it is used as such."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.page.routes import FOLDER

ROOT = Path(__file__).resolve().parents[4]
VENDOR = FOLDER / "vendor"
RECORD: list[dict[str, Any]] = json.loads((VENDOR / "vendor.json").read_text())
LIMIT_BYTES = 16 * 2**20


@pytest.fixture(scope="module")
def import_map() -> dict[str, str]:
    page = (FOLDER / "index.html").read_text()
    found = re.search(r'<script type="importmap">(.*?)</script>', page, re.DOTALL)
    assert found
    names: dict[str, str] = json.loads(found[1])["imports"]
    return names


@pytest.mark.parametrize("library", RECORD, ids=lambda library: library["name"])
def test_a_library_is_what_was_recorded(library: dict[str, Any]) -> None:
    folder = VENDOR / library["folder"]

    assert {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.iterdir()
    } == library["sha256"]
    assert (folder / "LICENSE").stat().st_size > 500
    assert all(path.stat().st_size < LIMIT_BYTES for path in folder.iterdir())


def test_nothing_is_vendored_without_a_record() -> None:
    folders = {path.name for path in VENDOR.iterdir() if path.is_dir()}

    assert folders == {library["folder"] for library in RECORD}


def test_the_versions_are_those_of_the_lock() -> None:
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]

    for library in RECORD:
        entry = lock[f"node_modules/{library['name']}"]
        assert (entry["version"], entry["license"]) == (
            library["version"],
            library["licence"],
        )


@pytest.mark.parametrize("folder", [".", "tests/azurite"])
def test_the_lock_names_no_host(folder: str) -> None:
    assert "://" not in (ROOT / folder / "package-lock.json").read_text()


def test_the_import_map_names_every_library_and_only_files_that_are_there(
    import_map: dict[str, str],
) -> None:
    for address in import_map.values():
        assert (FOLDER / address.removeprefix("./page/")).is_file()
    assert {library["name"] for library in RECORD} <= set(import_map)


def test_modules_import_by_the_map_or_by_their_place(
    import_map: dict[str, str],
) -> None:
    for module in FOLDER.rglob("*.*js"):
        text = module.read_text()
        named = re.findall(r"\b(?:from|import)\s*\(?[\"']([^\"'\s]+)[\"']", text)
        for name in named if "vendor" not in module.parts else []:
            if name.startswith("."):
                assert (module.parent / name).resolve().is_file(), (module, name)
            else:
                assert name in import_map, (module, name)
