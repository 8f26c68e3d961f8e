"""Whether the checkpoints can be read, and the default one runs on this machine."""

from collections.abc import Iterator
from importlib.util import find_spec

from app.core.settings import Settings
from app.doctor.findings import Finding, ok, problem, warning
from model.checkpoint.library import Entry, list_checkpoints
from model.errors import ModelError


def check_models(settings: Settings) -> Iterator[Finding]:
    """Read all checkpoints, and load the network of the default one."""
    entries = list_checkpoints(settings.data_dir / "models", chosen=settings.model)
    for entry in entries:
        if entry.problem:
            yield _damaged(entry)
    well = [entry.name for entry in entries if not entry.problem]
    default = next((entry for entry in entries if entry.is_default), None)
    if default is None:
        yield problem(
            "models",
            f"TOUCHLINE_MODEL={settings.model} names none of {', '.join(well) or '-'}"
            if settings.model
            else "there is no checkpoint",
            "touchline models list shows them; touchline import-checkpoint brings one",
        )
        return
    yield ok("models", f"{', '.join(well)}; the default is {default.name}")
    if not default.problem:
        yield _check_engine(default, settings)


def _damaged(entry: Entry) -> Finding:
    say = problem if entry.is_default else warning
    remedy = f"copy {entry.path} anew, or delete it"
    return say("models", f"{entry.name} cannot be read ({entry.problem})", remedy)


def _check_engine(entry: Entry, settings: Settings) -> Finding:
    """Open the network as a worker does."""
    if find_spec("av") is None:
        return ok("engine", "none: this machine serves the API alone")
    from model.spotting.predictor import load_predictor

    try:
        predictor = load_predictor(
            entry.path,
            engine=settings.engine,
            precision=settings.precision,
            gpu_budget_bytes=settings.gpu_budget,
        )
    except ModelError as exc:
        return problem(
            "engine",
            f"{entry.name} does not load ({exc})",
            "set TOUCHLINE_ENGINE=auto and TOUCHLINE_PRECISION=auto, or install what "
            "is missing",
        )
    return ok("engine", f"{entry.name} loads on {predictor.engine}")
