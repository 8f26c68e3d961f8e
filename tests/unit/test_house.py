"""The house's own rules: no import circle, light entries, no file that nobody owns."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import app.tables  # noqa: F401 # registers every table
from app.core.db.base import Base
from app.core.storage import keys
from app.owners import JOB_OWNERS, OBJECT_OWNERS

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("app", "model", "touchline", "worker", "migrations")
ENTRIES = (
    "cli",
    "doctor",
    "main",
    "supervisor",
    "api",
    "backups",
    "page",
    "tables",
    "owners",
    "osl",
)


@pytest.mark.slow
def test_modules_import_each_other_without_a_circle() -> None:
    modules = {_name(path): path for room in ROOMS for path in _files(room)}
    graph = {name: _imported(path, modules) for name, path in modules.items()}

    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as exc:
        pytest.fail(f"import circle: {' -> '.join(exc.args[1])}")

    assert len(order) >= len(graph) > 50


@pytest.mark.costly
@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("app.main", {"torch", "av", "openvino", "worker"}),
        ("app.cli.main", {"torch", "av", "openvino", "numpy", "PIL", "worker"}),
        ("worker.background", {"torch", "av", "openvino", "numpy", "fastapi"}),
        # Of the others the parent: its child loads what its jobs need.
        *(
            (f"worker.{kind}", {"torch", "av", "openvino", "timm", "fastapi"})
            for kind in ("media", "gpu", "train", "live")
        ),
        ("worker.health", {"torch", "av", "openvino", "model", "celery"}),
        (
            "touchline",
            {"torch", "av", "openvino", "timm", "pandas", "app", "worker", "httpx"},
        ),
        ("model.spotting.spot_file", {"torch", "timm", "app", "worker"}),
        ("model.engines.openvino_engine", {"torch", "timm", "app", "worker"}),
        ("model.checkpoint.archive", {"torch", "timm", "app", "worker"}),
    ],
)
@pytest.mark.slow
def test_an_entry_pulls_in_nothing_heavy(module: str, heavy: set[str]) -> None:
    code = f"import sys, {module}; print(*{{m.split('.')[0] for m in sys.modules}})"

    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.split()

    assert heavy.isdisjoint(loaded)


@pytest.mark.costly
@pytest.mark.slow
def test_no_video_is_decoded_outside_the_decoding_process() -> None:
    in_process = {"iter_steps", "iter_chosen", "open_video", "open_container"}
    in_process |= {"probe", "probe_file", "pick_stills"}
    found = [
        f"{path.relative_to(ROOT)}: {name.name}"
        for room in ROOMS
        for path in _files(room)
        if not path.is_relative_to(ROOT / "model" / "video")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in node.names
        if name.name.split(".")[0] == "av"
        or (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("model.video")
            and name.name in in_process
        )
    ]

    assert found == []


@pytest.mark.costly
@pytest.mark.slow
def test_rows_of_jobs_are_made_and_changed_by_their_service_alone() -> None:
    rows = {"Job", "JobRow"}
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ("app", "worker")
        for path in _files(room)
        if path.parent != ROOT / "app" / "jobs"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in rows
        or (
            node.func.id in {"update", "insert", "delete"}
            and isinstance(node.args[0], ast.Name)
            and node.args[0].id in rows
        )
    ]
    changing = {"claim_job", "held_job"}  # statements for the service
    jobs = ROOT / "app" / "jobs"
    service = {jobs / "service.py", jobs / "saved_runs.py"}
    found += [
        f"{path.relative_to(ROOT)}: {name.name}"
        for room in ("app", "worker")
        for path in _files(room)
        if path not in service
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        if node.module in {"app.jobs.claiming", "app.jobs.queries"}
        for name in node.names
        if name.name in changing
    ]

    assert found == []


@pytest.mark.costly
@pytest.mark.slow
def test_features_stand_on_core_and_below_the_entries() -> None:
    modules = {_name(path): path for path in _files("app")}
    features = {name.split(".")[1] for name in modules if name.count(".") > 1}
    features -= {*ENTRIES, "core"}

    found = [
        f"{name} -> {imported}"
        for name, path in modules.items()
        for imported in _imported(path, modules)
        if _part(imported)
        in {"core": features, **dict.fromkeys(features, ENTRIES)}.get(_part(name), ())
    ]

    assert {"videos", "jobs", "timelines"} <= features
    assert found == []


@pytest.mark.costly
@pytest.mark.slow
def test_routes_are_imported_by_their_own_feature_and_the_entries_alone() -> None:
    """Modules such as `clip_routes` are routes, too."""
    modules = {_name(path): path for path in _files("app")}
    found = [
        f"{name} -> {imported}"
        for name, path in modules.items()
        if name not in {"app.api", "app.main"}
        for imported in _imported(path, modules)
        if imported.endswith("routes") and _part(imported) != _part(name)
    ]

    assert found == []


@pytest.mark.costly
@pytest.mark.parametrize(
    "entry", ["background", "media", "gpu", "train", "live", "health"]
)
@pytest.mark.slow
def test_a_worker_loads_nothing_of_the_wire(entry: str) -> None:
    code = f"import sys, worker.{entry}; print(*sys.modules)"
    shared = {"app.videos.facts_schemas"}  # facts are checked where uploads end, too

    loaded = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout.split()

    wire = {name for name in loaded if name.endswith(("routes", "schemas"))}
    assert {name for name in wire if name.startswith("app.")} <= shared


@pytest.mark.costly
@pytest.mark.slow
def test_only_the_resources_choose_a_storage() -> None:
    chosen = {
        f"app.core.storage.{name}"
        for name in ("opening", "local", "incoming", "object_store", "local_cache")
    }
    modules = {_name(path): path for room in ROOMS for path in _files(room)}

    choosing = {
        name
        for name, path in modules.items()
        if _imported(path, modules) & chosen
        if not name.startswith("app.core.storage.")
    }

    assert choosing == {"app.core.resources", "app.cli.backup"}


@pytest.mark.slow
def test_each_kind_of_object_has_one_owner_that_tells_what_is_lost() -> None:
    kinds = {
        value
        for name, value in vars(keys).items()
        if name.startswith("is_") and name.endswith("_key")
    }

    assert len(OBJECT_OWNERS) == len(kinds) > 5
    assert {one.is_its_key for one in OBJECT_OWNERS} == kinds


def test_each_table_of_jobs_without_a_video_owns_them() -> None:
    tables = {
        table.name
        for table in Base.metadata.tables.values()
        if "job_id" in table.columns and "video_id" not in table.columns
    }

    # Clips of several videos have none, and the jobs that list batches.
    tables |= {"clips", "batches"}
    assert {one.job_id.class_.__tablename__ for one in JOB_OWNERS} == tables
    assert len({one.kind for one in JOB_OWNERS}) == len(JOB_OWNERS) == len(tables)


def test_package_files_are_empty() -> None:
    # What users import; what comes before any library that the networks run on.
    spoken_for = {ROOT / "touchline" / "__init__.py", ROOT / "model" / "__init__.py"}
    spoken = [
        path
        for room in ROOMS
        for path in _files(room)
        if path.name == "__init__.py" and path.read_text().strip()
        if path not in spoken_for
    ]

    assert spoken == []


def _files(room: str) -> Iterator[Path]:
    return (ROOT / room).rglob("*.py")


def _part(name: str) -> str:
    """Tell the folder or module of `app` that a module belongs to."""
    return name.split(".")[1] if "." in name else ""


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(path: Path, modules: dict[str, Path]) -> set[str]:
    """Name our modules that a file imports, wherever in it; not those for types."""
    found: set[str] = set()
    for node in _statements(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return {
        name for name in found & modules.keys() if modules[name].name != "__init__.py"
    }


def _statements(tree: ast.AST) -> Iterator[ast.AST]:
    """Give every node but those below `if TYPE_CHECKING:`."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)):
            yield node
            yield from _statements(node)
