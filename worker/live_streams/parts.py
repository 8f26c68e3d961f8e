"""What a stream is made of that the model makes: source, spotter, pictures."""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from app.core.settings import Network, Settings
from app.live.addresses import check_addresses
from app.sources.problems import SourceRefused
from model.checkpoint.archive import Checkpoint
from model.checkpoint.library import find_named
from model.checkpoint.spotting_options import SpottingOptions
from model.errors import SourceUnreachable, UnreadableVideo
from model.spotting.live import LiveSpotter
from model.video.live.dialing import resolve_any
from model.video.live.hls_source import HlsSource
from model.video.live.pulling import PullSource
from model.video.live.rtmp_server import RtmpServer
from model.video.live.session import open_live
from model.video.live.settings import LiveSettings
from model.video.live.sources import FileSource, PushSource, UdpSource
from worker.handlers.spot import checkpoint_facts

RELAY_RECONNECT_S = (0.5, 2.0)  # It is near.


class RelaySource(PullSource):
    """What an encoder sends to the side-car; it may come and go."""

    is_pushed = True


class SpotChange(Protocol):
    """What has become of a spot; see `model.spotting.live.LiveChange`."""

    @property
    def kind(self) -> Literal["provisional", "final", "retracted"]: ...
    @property
    def id(self) -> int: ...
    @property
    def label(self) -> str: ...
    @property
    def media_s(self) -> float: ...
    @property
    def score(self) -> float: ...
    @property
    def team(self) -> str | None: ...


class Spotter(Protocol):
    """Finds spots while pictures come; see `model.spotting.live.LiveSpotter`."""

    look_ahead_s: float
    fps: float

    @property
    def frame_spec(self) -> Any: ...
    def push(self, picture: Any, media_s: float) -> Sequence[SpotChange]: ...
    def gap(self) -> Sequence[SpotChange]: ...
    def close(self) -> Sequence[SpotChange]: ...


class Step(Protocol):
    """One picture; see `model.video.live.settings.LiveStep`."""

    image: Any
    media_s: float
    wall: datetime
    decoded_at: float


class SegmentSink(Protocol):
    """Takes what is recorded; see `model.video.live.settings.SegmentSink`."""

    def segment(
        self,
        number: int,
        path: Path,
        start_s: float,
        duration_s: float,
        is_after_gap: bool,
    ) -> None: ...

    def failed(self, why: str) -> None: ...


@dataclass(frozen=True, slots=True)
class LoadedSpotter:
    """A spotter, and what is told of its checkpoint.

    Attributes:
        checkpoint: name, version, sha256 and engine.
        spotting: its labels and thresholds.
    """

    spotter: Spotter
    checkpoint: dict[str, object]
    spotting: SpottingOptions


OpenLive = Callable[..., AbstractContextManager[Iterator[Any]]]


@dataclass(frozen=True, slots=True)
class Parts:
    """What makes them; tests hand in their own.

    Attributes:
        load_spotter: by the name of a checkpoint.
        open_live: `open_live(source, spec, record=..., folder=..., on_wait=...)`.
        pull, listen, push, udp, file, relay: make a source of each kind.
    """

    load_spotter: Callable[[str, Settings], LoadedSpotter]
    open_live: OpenLive
    pull: Callable[[str, Sequence[Network]], Any]
    listen: Callable[[str, int, str], Any]
    push: Callable[[], Any]
    udp: Callable[[str, int], Any]
    file: Callable[[Path], Any]
    relay: Callable[[str], Any] = RelaySource


def kind_of(item: Any) -> Literal["step", "gap", "facts"]:
    """Tell what came of a source."""
    if hasattr(item, "image"):
        return "step"
    return "gap" if hasattr(item, "reason") else "facts"


def resolver(allow_nets: Sequence[Network]) -> Callable[[str, int], list[str]]:
    """Make what says which addresses a source may be connected to.

    A host that leads to a private address is refused, each time it is asked for, as
    `POST /live` does it.
    """

    def resolve(host: str, port: int) -> list[str]:
        found = resolve_any(host, port)
        addresses = [ipaddress.ip_address(one.partition("%")[0]) for one in found]
        try:
            check_addresses(host, addresses, allow_nets)
        except SourceRefused as exc:
            raise SourceUnreachable(exc.detail) from exc
        return found

    return resolve


def _load_spotter(name: str, settings: Settings) -> LoadedSpotter:
    path = find_named(name, settings.data_dir / "models", chosen=settings.model)
    spotter = LiveSpotter.load(
        path,
        engine=settings.engine,
        precision=settings.precision,
        user_dir=settings.data_dir / "models",
    )
    manifest = Checkpoint.open(path).manifest
    facts = checkpoint_facts(manifest, engine=str(spotter.engine))
    return LoadedSpotter(spotter, facts, manifest.spotting)


def _open_live(
    source: Any, spec: Any, **options: Any
) -> AbstractContextManager[Iterator[Any]]:
    settings = LiveSettings(spec=spec)
    if isinstance(source, RelaySource):  # The side-car answers before anybody sends.
        settings = replace(
            settings,
            start_timeout_s=settings.sender_timeout_s,
            reconnect_s=RELAY_RECONNECT_S,
        )
    return open_live(source, settings, **options)


def _pull(url: str, allow_nets: Sequence[Network]) -> Any:
    is_http = url.startswith(("http://", "https://"))
    make = HlsSource if is_http else PullSource
    return make(url, resolve=resolver(allow_nets))


class _Listening:
    """A source of its own RTMP server, which ends with it."""

    def __init__(self, host: str, port: int, key: str) -> None:
        self._server = RtmpServer(host, port)
        self._source = self._server.source(key)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def close(self) -> None:
        self._source.close()
        self._server.close()


def _push() -> Any:
    return PushSource("the browser")


def _udp(host: str, port: int) -> Any:
    return UdpSource(host, port)


def _file(path: Path) -> Any:
    if not path.is_file():
        raise UnreadableVideo(f"There is no file {path.name} in the folder of imports.")
    return FileSource(path)


PARTS = Parts(_load_spotter, _open_live, _pull, _Listening, _push, _udp, _file)
