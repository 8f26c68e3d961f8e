"""The `touchline` command: its verbs, and how an error reaches the user.

Each verb lives in a module of its own and imports its heavy parts when it runs, so
that `touchline --help` is quick and serving needs no torch.
"""

import os
import sys

import typer
from pydantic import ValidationError

from app.cli.api import api, migrate
from app.cli.backup import backup, restore
from app.cli.batch import batch
from app.cli.clip import clip
from app.cli.convert import convert
from app.cli.data import data
from app.cli.dataset import dataset
from app.cli.doctor import doctor
from app.cli.ending import ending_in_order
from app.cli.evaluate import calibrate, evaluate
from app.cli.exchange import export, import_checkpoint
from app.cli.join import join
from app.cli.keys import keys, projects
from app.cli.live import live
from app.cli.models import models
from app.cli.report import report
from app.cli.serve import serve
from app.cli.spot import spot
from app.cli.teach import teach
from app.cli.train import average, train
from app.cli.trainings import trainings
from app.cli.watch import watch
from app.cli.worker import worker
from app.core.errors import TouchlineError

# The extra that brings a package which not every install has.
EXTRA_OF = {
    "av": "worker",
    "openvino": "worker",
    "torch": "train",
    "timm": "train",
    "lightning": "train",
    "onnx": "train",
    "nncf": "int8",
    "pyarrow": "parquet",
}

touchline = typer.Typer(
    name="touchline",
    help="Match video in, a timeline of events out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
touchline.command()(serve)
touchline.command()(spot)
touchline.command()(convert)
touchline.command()(clip)
touchline.command()(join)
touchline.command()(report)
touchline.command()(watch)
touchline.add_typer(live, name="live")
touchline.command()(batch)
touchline.add_typer(models, name="models")
touchline.command("import-checkpoint")(import_checkpoint)
touchline.command()(export)
touchline.add_typer(data, name="data")
touchline.add_typer(dataset, name="dataset")
touchline.command()(train)
touchline.add_typer(trainings, name="trainings")
touchline.command()(average)
touchline.command()(teach)
touchline.command()(evaluate)
touchline.command()(calibrate)
touchline.command()(api)
touchline.command()(worker)
touchline.command()(migrate)
touchline.command()(doctor)
touchline.command()(backup)
touchline.command()(restore)
touchline.add_typer(keys, name="keys")
touchline.add_typer(projects, name="projects")


def main() -> None:
    """Run the verb that was asked for; an error is one line on stderr, exit code 1."""
    try:
        with ending_in_order():
            touchline()
    except ValidationError as exc:
        for error in exc.errors():
            name = "TOUCHLINE_" + "_".join(str(part) for part in error["loc"]).upper()
            where = name + ": " if error["loc"] else ""
            _complain(f"{where}{error['msg'].removeprefix('Value error, ')}")
        sys.exit(1)
    except ModuleNotFoundError as exc:
        package = (exc.name or "").partition(".")[0]
        if package not in EXTRA_OF:
            raise
        extra = EXTRA_OF[package]
        _complain(f"{package} is not installed: pip install 'touchline[{extra}]'")
        sys.exit(1)
    except OSError as exc:  # A full disk, a file that may not be read, ...
        _complain(_told(exc))
        _let_go_of_stdout()
        sys.exit(1)
    except Exception as exc:
        if not _is_ours(exc):
            raise
        _complain(str(exc))
        sys.exit(1)


def _is_ours(exc: Exception) -> bool:
    """Whether an error is one of the two trees meant for users."""
    if isinstance(exc, TouchlineError):
        return True
    errors = sys.modules.get("model.errors")
    return errors is not None and isinstance(exc, errors.ModelError)


def _told(exc: OSError) -> str:
    reason = exc.strerror or str(exc)
    return f"{exc.filename}: {reason}" if exc.filename else reason


def _let_go_of_stdout() -> None:
    """Keep Python's own flush at the end from failing, and telling so, once more."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(message: str) -> None:
    typer.echo(f"error: {message}", err=True)
