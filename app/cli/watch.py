"""`touchline watch`: each new match of a folder goes to a service, and comes back."""

import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from app.cli.choices import one_of
from app.cli.output import Force
from model.data.formats.names import FORMAT_NAMES

if TYPE_CHECKING:
    from touchline.client.client import Client
    from touchline.client.uploading import UploadProgress
    from touchline.watching.options import WatchOptions

STOPPED = 130  # as shells tell of Ctrl-C
SHOW_EVERY_S = 0.5


def watch(
    folder: Annotated[Path, typer.Argument(help="The folder of match videos.")],
    url: Annotated[str, typer.Option(help="Of the service.")] = "http://localhost:8000",
    key: Annotated[
        str | None,
        typer.Option(
            envvar="TOUCHLINE_KEY", show_envvar=True, help="Of the service, if it asks."
        ),
    ] = None,
    forms: Annotated[
        list[str],
        typer.Option(
            "--format",
            metavar="NAME",
            help=f"Of the timelines; repeatable. Of: {', '.join(FORMAT_NAMES)}.",
        ),
    ] = ["csv"],  # noqa: B006  # typer copies it
    model: Annotated[
        str | None, typer.Option(help="That analyses; else the service's default.")
    ] = None,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Look into subfolders, too.")
    ] = False,
    settle: Annotated[
        float,
        typer.Option(min=0, help="Seconds a file must be unchanged to be taken."),
    ] = 5.0,
    join: Annotated[
        bool,
        typer.Option(
            "--join",
            help="1_match.mp4 and 2_match.mp4, or a GoPro's GX010042.MP4 and "
            "GX020042.MP4, are one match; its timeline is written beside the first.",
        ),
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End when all that is there is done.")
    ] = False,
    force: Force = False,
) -> None:
    """Upload each new match of FOLDER and write its timeline beside it."""
    for form in forms:
        one_of(FORMAT_NAMES, "")["callback"](form)
    if not folder.is_dir():
        raise typer.BadParameter(f"there is no folder {folder}")
    from touchline.client.client import Client
    from touchline.watching.options import WatchOptions

    options = WatchOptions(
        folder,
        formats=tuple(dict.fromkeys(forms)),
        model=model,
        recursive=recursive,
        settle_s=settle,
        overwrite=force,
        join=join,
    )
    try:
        client = Client(url, key)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    if _watch(client, options, url, once=once):
        raise typer.Exit(1)


def _watch(
    client: "Client", options: "WatchOptions", url: str, *, once: bool
) -> Mapping[str, str]:
    """Watch until it is stopped; returns what is wrong with files, by their names."""
    from touchline.client.errors import ClientError
    from touchline.watching.state import locked
    from touchline.watching.watch import FolderWatch, refuse_unknown_model

    line, interrupt = _Line(), _Interrupt()
    before = interrupt.listen()
    try:
        with client, locked(options.folder):
            if problem := refuse_unknown_model(client, options.model):
                raise typer.BadParameter(problem)
            run = FolderWatch(client, options, line.tell, line.show)
            line.tell(f"watching {options.folder} for {url}")
            run.run(once=once, is_stopped=lambda: interrupt.has_come)
    except ClientError as exc:
        line.tell(f"error: {exc}")
        raise typer.Exit(1) from exc
    except KeyboardInterrupt as exc:
        line.tell("stopped; the next watch goes on from here")
        raise typer.Exit(STOPPED) from exc
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return run.problems


class _Line:
    """Lines on standard error; progress, in a terminal, over itself."""

    def __init__(self) -> None:
        self._width, self._shown_at = 0, 0.0

    def tell(self, words: str) -> None:
        typer.echo(f"\r{words:<{self._width}}" if self._width else words, err=True)
        self._width = 0

    def show(self, path: str, progress: "UploadProgress") -> None:
        now = time.monotonic()
        is_due = now - self._shown_at > SHOW_EVERY_S or progress.done == 1
        if not sys.stderr.isatty() or not is_due:
            return
        words = f"{path}: {progress.done:4.0%} uploaded"
        typer.echo(f"\r{words:<{self._width}}", err=True, nl=False)
        self._width, self._shown_at = len(words), now


class _Interrupt:
    """Raises KeyboardInterrupt at a signal, and remembers that it came.

    What is raised in a finalizer, while garbage is collected, gets lost.
    """

    def __init__(self) -> None:
        self.has_come = False

    def listen(self) -> dict[signal.Signals, Any]:
        """Wait for Ctrl-C and SIGTERM; returns what handled them before."""
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.getsignal(number) for number in numbers}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as a shell has it in the background
                signal.signal(number, self)
        return before

    def __call__(self, *_: object) -> NoReturn:
        self.has_come = True
        raise KeyboardInterrupt
