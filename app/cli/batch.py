"""`touchline batch`: an archive goes to a service, its events come back as a table."""

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from app.cli.output import Force, output_file

if TYPE_CHECKING:
    from touchline.batching.run import BatchOptions
    from touchline.client.batch_records import Batch
    from touchline.client.uploading import UploadProgress

STOPPED = 130  # as shells tell of Ctrl-C
SHOW_EVERY_S = 0.5
TELL_EVERY_S = 60.0  # where standard error is no terminal
SHOWN_FAILURES = 10
LOWEST, HIGHEST = -10, -1


def batch(
    source: Annotated[
        str,
        typer.Argument(
            help="s3://bucket/prefix; imports:FOLDER of the service; a folder here; or "
            "a manifest (.txt, .csv, .jsonl)."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Where events go: .parquet, .csv or .jsonl."),
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="That analyses; else the service's default.")
    ] = None,
    priority: Annotated[
        int, typer.Option(min=LOWEST, max=HIGHEST, help="Below 0, that of uploads.")
    ] = -5,
    name: Annotated[str | None, typer.Option(help="Of the batch, for people.")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also what this model has analysed already.")
    ] = False,
    retry_failed: Annotated[
        bool,
        typer.Option("--retry-failed", help="Try again what failed in the run before."),
    ] = False,
    failures: Annotated[
        Path | None,
        typer.Option(help="Where the report of failures goes; OUT.failures.csv."),
    ] = None,
    force: Force = False,
    url: Annotated[str, typer.Option(help="Of the service.")] = "http://localhost:8000",
    key: Annotated[
        str | None,
        typer.Option(
            envvar="TOUCHLINE_KEY", show_envvar=True, help="Of the service, if it asks."
        ),
    ] = None,
    estimate: Annotated[
        bool,
        typer.Option("--estimate", help="Only tell what it would take, and cost."),
    ] = False,
    prices: Annotated[
        Path | None, typer.Option(help="Of --estimate; else examples.")
    ] = None,
    matches: Annotated[
        int | None, typer.Option(min=1, help="Of --estimate; else SOURCE is counted.")
    ] = None,
    minutes: Annotated[
        float, typer.Option(min=0.1, help="Of --estimate: how long a match is.")
    ] = 95.0,
    machines: Annotated[
        int, typer.Option(min=1, help="Of --estimate: how many there are.")
    ] = 1,
) -> None:
    """Analyse all videos of SOURCE with a service, and write their events to one table.

    The same command goes on with a batch that was interrupted.
    """
    if estimate:
        _estimate(source, prices, matches, minutes, machines)
        return
    if out is None:
        raise typer.BadParameter("say where the events go: --out events.parquet")
    options = _options(out, failures, source, model, force=force)
    from dataclasses import replace

    _run(
        replace(
            options,
            priority=priority,
            name=name,
            again=again,
            retry_failed=retry_failed,
        ),
        *(url, key),
    )


def _options(
    out: Path, failures: Path | None, source: str, model: str | None, *, force: bool
) -> "BatchOptions":
    """Claim the outputs and look at the source, before anything is asked for."""
    from touchline.batching.run import BUCKETS, FORMS, IMPORTS, BatchOptions, form_of

    if form_of(out) is None:
        raise typer.BadParameter(f"--out {out}: end it in {', '.join(FORMS)}")
    is_remote = source.startswith((*BUCKETS, IMPORTS))
    if not is_remote and not Path(source).exists():
        raise typer.BadParameter(
            f"there is no file or folder {source}; a bucket is s3://bucket/prefix, the "
            "service's folder of imports is imports:"
        )
    inputs = [] if is_remote or Path(source).is_dir() else [Path(source)]
    failures = failures or out.with_name(f"{out.name}.failures.csv")
    if failures.resolve() == out.resolve():
        raise typer.BadParameter(f"--out and --failures both name {out}")
    for path in (out, failures):
        output_file(path, inputs=inputs, force=force)
    return BatchOptions(source, out, failures, model=model, overwrite=force)


def _run(options: "BatchOptions", url: str, key: str | None) -> None:
    from touchline.batching.manifest import BadManifest
    from touchline.batching.run import BatchRun
    from touchline.batching.state import OtherBatch
    from touchline.client.client import Client
    from touchline.client.errors import ClientError

    line = _Line()
    try:
        client = Client(url, key)
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with client:
            run = BatchRun(client, options, line.tell, line.show, line.show_upload)
            done = run.run()
    except (BadManifest, OtherBatch) as exc:
        raise typer.BadParameter(str(exc)) from exc
    except ClientError as exc:
        line.tell(f"error: {exc}")
        raise typer.Exit(1) from exc
    except KeyboardInterrupt as exc:
        line.tell("stopped; the batch goes on, and the same command follows it again")
        raise typer.Exit(STOPPED) from exc
    finally:
        signal.signal(signal.SIGTERM, before)
    _report(done, options, line, not_sent=len(run.not_sent))


def _report(
    done: "Batch", options: "BatchOptions", line: "_Line", *, not_sent: int
) -> None:
    """Say how it ended; what failed is the exit code, too."""
    counts = done.counts
    line.tell(
        f"{counts.succeeded + counts.skipped} of {counts.total} analysed "
        f"({counts.skipped} before), events in {options.out}"
    )
    for one in done.failures[:SHOWN_FAILURES]:
        line.tell(f"{one.count} failed with {one.code}: {one.detail}")
    if done.error is not None:
        line.tell(f"error: {done.error.get('detail')}")
    if not_sent:
        line.tell(
            f"{not_sent} files could not be sent; {options.failures} lists them, and "
            "the same command with --force tries again"
        )
    elif counts.failed:
        line.tell(
            f"{options.failures} lists what failed; --retry-failed --force tries again"
        )
    if counts.failed or not_sent or done.status != "completed":
        raise typer.Exit(1)


def _estimate(
    source: str, prices: Path | None, matches: int | None, minutes: float, machines: int
) -> None:
    from touchline.batching.costs import BadPrices, estimate, read_prices
    from touchline.batching.manifest import BadManifest
    from touchline.batching.run import count_items

    try:
        count = count_items(source) if matches is None else matches
        if count is None:
            raise typer.BadParameter(
                f"{source} is not counted from here: say how many with --matches"
            )
        told = estimate(
            read_prices(prices), matches=count, minutes=minutes, machines=machines
        )
    except (BadPrices, BadManifest) as exc:
        raise typer.BadParameter(str(exc)) from exc
    typer.echo(told)


class _Line:
    """Lines on standard error; progress, in a terminal, over itself."""

    def __init__(self) -> None:
        self._width, self._shown_at = 0, 0.0

    def tell(self, words: str) -> None:
        typer.echo(f"\r{words:<{self._width}}" if self._width else words, err=True)
        self._width = 0

    def show(self, batch: "Batch") -> None:
        """Show how far a batch is; now and then where there is no terminal."""
        self._show(_progress_of(batch), is_last=batch.is_final)

    def show_upload(self, path: str, progress: "UploadProgress") -> None:
        if sys.stderr.isatty():
            self._show(f"{path}: {progress.done:4.0%} uploaded", is_last=False)

    def _show(self, words: str, *, is_last: bool) -> None:
        now, is_terminal = time.monotonic(), sys.stderr.isatty()
        every_s = SHOW_EVERY_S if is_terminal else TELL_EVERY_S
        if now - self._shown_at < every_s and not (is_last and is_terminal):
            return
        self._shown_at = now
        if not is_terminal:
            self.tell(words)
            return
        typer.echo(f"\r{words:<{self._width}}", err=True, nl=False)
        self._width = len(words)


def _progress_of(batch: "Batch") -> str:
    counts = batch.counts
    ended = counts.total - counts.pending - counts.queued - counts.running
    words = f"{ended} of {counts.total}, {counts.running} run, {counts.failed} failed"
    if batch.status == "listing":
        words += ", still listing"
    if batch.matches_per_hour:
        words += f", {batch.matches_per_hour:.1f} an hour"
    if batch.eta_s is not None:
        words += f", {_clock(batch.eta_s)} to go"
    return words if batch.waits_for is None else f"{words}; waits: {batch.waits_for}"


def _clock(time_s: float) -> str:
    minutes = round(time_s / 60)
    return f"{minutes // 60}:{minutes % 60:02} h" if minutes >= 60 else f"{minutes} min"


def _interrupt(number: int, frame: object) -> NoReturn:  # noqa: ARG001  # as signals call
    raise KeyboardInterrupt
