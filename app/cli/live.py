"""`touchline live`: streams of a service, and their events into Sportscode."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from touchline.client.client import Client

live = typer.Typer(no_args_is_help=True, help="Live streams of a service.")

Url = Annotated[str, typer.Option(help="Of the service.")]
Key = Annotated[
    str | None,
    typer.Option(
        envvar="TOUCHLINE_KEY", show_envvar=True, help="Of the service, if it asks."
    ),
]
LOCAL = "http://localhost:8000"
PIECE_BYTES = 65536
VideoId = Annotated[str, typer.Argument(help="Of the stream's video.")]


@live.command()
def start(
    source: Annotated[
        str,
        typer.Argument(help="rtmp://…, rtsp://…, https://….m3u8, udp://…, or listen."),
    ],
    name: Annotated[str | None, typer.Option(help="The video's title.")] = None,
    model: Annotated[str | None, typer.Option(help="A live model.")] = None,
    record: Annotated[bool, typer.Option(help="Keep the pictures.")] = True,
    analyse_after: Annotated[
        bool, typer.Option("--analyse-after", help="Analyse the recording afterwards.")
    ] = False,
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Have a live source followed; prints the id of its video."""
    with _client(url, key) as client:
        video = client.start_live(
            source, name=name, model=model, record=record, analyse_after=analyse_after
        )
    typer.echo(video.id)


@live.command()
def send(
    name: Annotated[str | None, typer.Option(help="The video's title.")] = None,
    model: Annotated[str | None, typer.Option(help="A live model.")] = None,
    record: Annotated[bool, typer.Option(help="Keep the pictures.")] = True,
    analyse_after: Annotated[
        bool, typer.Option("--analyse-after", help="Analyse the recording afterwards.")
    ] = False,
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Send what comes by a pipe: MPEG-TS, or what else can be read as it comes.

    Prints the id of the video first; the stream ends with the pipe.

        ffmpeg -i INPUT -c copy -f mpegts - | touchline live send --name "Cup final"
    """
    from touchline.client.errors import ClientError

    if sys.stdin.isatty():
        raise typer.BadParameter(
            "nothing comes by a pipe: ffmpeg … -f mpegts - | touchline live send"
        )
    with _client(url, key) as client:
        video = client.start_live(
            "push", name=name, model=model, record=record, analyse_after=analyse_after
        )
        typer.echo(video.id)
        pieces = iter(lambda: os.read(sys.stdin.fileno(), PIECE_BYTES), b"")
        try:
            is_taken = client.push_live(video, pieces)
        except BaseException:
            with suppress(ClientError):  # It may be over; why we end is told instead.
                client.stop_live(video)
            raise
        if not is_taken:
            typer.echo("error: the stream has ended before the pipe", err=True)
            raise typer.Exit(1)
        client.end_live(video)


@live.command("list")
def list_streams(url: Url = LOCAL, key: Key = None) -> None:
    """List the streams that are under way."""
    with _client(url, key) as client:
        for one in client.live_streams(only_open=True):
            sent_to = f"  -> {one.push.url} key {one.push.key}" if one.push else ""
            typer.echo(f"{one.video_id}  {one.state:11}  {one.name}{sent_to}")


@live.command()
def stop(video: VideoId, url: Url = LOCAL, key: Key = None) -> None:
    """End a stream in order."""
    with _client(url, key) as client:
        client.stop_live(video)


@live.command()
def follow(
    video: VideoId,
    sportscode: Annotated[
        Path | None,
        typer.Option(help="The folder that Sportscode watches; events go there."),
    ] = None,
    lead: Annotated[
        float, typer.Option(min=0, help="Seconds of an instance before its event.")
    ] = 5.0,
    lag: Annotated[float, typer.Option(min=0, help="Seconds after it.")] = 5.0,
    url: Url = LOCAL,
    key: Key = None,
) -> None:
    """Follow the final events of a stream: on the terminal, and into Sportscode.

    A run that comes later goes on where the one before ended: instances that stand in
    the file are not added again, and never changed.
    """
    if sportscode is not None and not sportscode.is_dir():
        raise typer.BadParameter(f"there is no folder {sportscode}")
    from touchline.watching.live_follow import LiveFollow

    with _client(url, key) as client:
        run = LiveFollow(client, video, folder=sportscode, lead_s=lead, lag_s=lag)
        for event in run.events():
            score = f"{event.score:.2f}"
            typer.echo(f"{event.time_s:9.2f}  {event.type}  {score}")


@contextmanager
def _client(url: str, key: str | None) -> "Iterator[Client]":
    """Open a client; what the service refuses is told in one line."""
    from touchline.client.client import Client
    from touchline.client.errors import ClientError

    try:
        with Client(url, key) as client:
            yield client
    except ValueError as exc:
        raise typer.BadParameter(str(exc)) from exc
    except ClientError as exc:
        typer.echo(f"error: {exc}", err=True)
        raise typer.Exit(1) from exc
    except KeyboardInterrupt as exc:
        raise typer.Exit(130) from exc
