"""A checkpoint: one file that holds weights, their manifest and engine files.

An uncompressed zip with `manifest.json`, `weights.safetensors` and `engines/...`.
Reading needs no torch, and nothing is ever unpickled.
"""

import hashlib
import json
import os
import tempfile
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Self

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from model.checkpoint.manifest import FileFacts, Manifest, Provenance
from model.checkpoint.spotting_options import SpottingOptions
from model.errors import BadCheckpoint, EngineUnavailable

SUFFIX = ".touchline"
MANIFEST = "manifest.json"
WEIGHTS = "weights.safetensors"
ENGINES = "engines/"
MAX_MANIFEST_BYTES = 4 * 2**20

_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on disk: the manifest in hand, the rest read when asked for.

    Attributes:
        path: of the file.
        manifest: what it says about itself.
    """

    path: Path
    manifest: Manifest

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read the manifest and compare it with the archive's contents.

        Hashes are checked when a member is read, so that opening stays quick.

        Raises:
            BadCheckpoint: not there, not such an archive, damaged, truncated, or
                its members are not those of the manifest.
            UnsupportedCheckpoint: of a version or architecture we do not run.
        """
        with _archive(path) as archive:
            members = _members(archive, path)
            if MANIFEST not in members:
                raise BadCheckpoint(f"{path.name} holds no {MANIFEST}")
            if members[MANIFEST] > MAX_MANIFEST_BYTES:
                raise BadCheckpoint(f"{path.name}: {MANIFEST} is too large")
            raw = _json(archive.read(MANIFEST), path)
        try:
            manifest = Manifest.from_dict(raw)
        except OverflowError as exc:
            raise BadCheckpoint(
                f"{path.name}: {MANIFEST} holds a number out of range: {exc}"
            ) from exc
        _check_members(members, manifest, path)
        return cls(path, manifest)

    def read_weights(self) -> dict[str, np.ndarray[Any, Any]]:
        """Read every tensor by its key, in the precision it is kept in.

        Raises:
            BadCheckpoint: the weights are damaged.
        """
        try:
            return dict(safetensors.numpy.load(self.read_member(WEIGHTS)))
        except (SafetensorError, KeyError, ValueError) as exc:
            raise BadCheckpoint(f"{self.path.name}: {WEIGHTS}: {exc}") from exc

    def count_parameters(self) -> int:
        """Count what was learned, the norms' running statistics left out.

        Raises:
            BadCheckpoint: the weights are damaged.
        """
        return sum(
            weight.size
            for key, weight in self.read_weights().items()
            if not key.endswith(_STATISTICS)
        )

    def read_member(self, name: str) -> bytes:
        """Read one member and check that it is whole.

        Raises:
            BadCheckpoint: there is no such member, or it is damaged.
        """
        facts = self.manifest.files.get(name)
        if facts is None:
            raise BadCheckpoint(f"{self.path.name} holds no {name}")
        with _archive(self.path) as archive:
            content = archive.read(name)
        if hashlib.sha256(content).hexdigest() != facts.sha256:
            raise BadCheckpoint(
                f"{self.path.name}: {name} is damaged (its hash is not the manifest's);"
                " copy or download the checkpoint again"
            )
        return content

    def engine_files(self, kind: str) -> tuple[str, ...]:
        """Name the members of one exported form ("openvino"), in order."""
        prefix = f"{ENGINES}{kind}/"
        return tuple(
            sorted(name for name in self.manifest.files if name.startswith(prefix))
        )

    def extract_engine(self, kind: str, directory: Path) -> list[Path]:
        """Write one exported form's files into a directory, flat.

        Raises:
            EngineUnavailable: the checkpoint was not exported to this form.
            BadCheckpoint: a file is damaged.
        """
        names = self.engine_files(kind)
        if not names:
            raise EngineUnavailable(
                f"{self.manifest.name} has no {kind} form; make it with "
                f"`touchline export {self.path.name} --format {kind}`"
            )
        written = []
        for name in names:
            target = directory / PurePosixPath(name).name
            target.write_bytes(self.read_member(name))
            written.append(target)
        return written


def write_checkpoint(
    path: Path,
    manifest: Manifest,
    *,
    weights: Mapping[str, np.ndarray[Any, Any]],
    engines: Mapping[str, bytes] | None = None,
) -> Checkpoint:
    """Write a checkpoint, whole or not at all.

    Args:
        path: where; an older file there is replaced at the very end.
        manifest: what it says about itself; `files` is filled in here.
        weights: every tensor by its key.
        engines: exported files, named "openvino/network.xml" and so on.

    Raises:
        BadCheckpoint: a weight is NaN or infinite; the message names it.
        OSError: the disk is full or the folder cannot be written to.
    """
    check_finite(weights)
    members = {WEIGHTS: safetensors.numpy.save(_contiguous(weights))}
    members |= {f"{ENGINES}{name}": data for name, data in (engines or {}).items()}
    return _write(path, manifest, members)


def with_changes(
    checkpoint: Checkpoint,
    path: Path,
    *,
    name: str | None = None,
    spotting: SpottingOptions | None = None,
    provenance: Provenance | None = None,
    engines: Mapping[str, bytes] | None = None,
    engine_facts: Mapping[str, Any] | None = None,
    without: Collection[str] = (),
) -> Checkpoint:
    """Write a checkpoint anew with other options; its weights stay bit for bit.

    Args:
        checkpoint: the one to start from.
        path: where; may be the file that is read.
        name: what it is called from now on.
        spotting: thresholds, windows and NMS.
        provenance: where the weights come from.
        engines: exported files to add or replace, named as in `write_checkpoint`.
        engine_facts: what is known of them, by kind; added to what is there.
        without: exported files to leave out.
    """
    old = checkpoint.manifest
    manifest = replace(
        old,
        name=old.name if name is None else name,
        spotting=old.spotting if spotting is None else spotting,
        provenance=old.provenance if provenance is None else provenance,
        engines={**old.engines, **(engine_facts or {})},
    )
    kept = [name for name in old.files if name.removeprefix(ENGINES) not in without]
    members = {name: checkpoint.read_member(name) for name in kept}
    members |= {f"{ENGINES}{member}": data for member, data in (engines or {}).items()}
    return _write(path, manifest, members)


def check_finite(weights: Mapping[str, np.ndarray[Any, Any]]) -> None:
    """Refuse weights that are NaN or infinite.

    Raises:
        BadCheckpoint: some are NaN or infinite; the message names their keys.
    """
    non_finite = [key for key, value in weights.items() if not np.isfinite(value).all()]
    if non_finite:
        more = f" and {len(non_finite) - 3} more" if len(non_finite) > 3 else ""
        raise BadCheckpoint(
            f"weights that are NaN or infinite: {', '.join(non_finite[:3])}{more}; the "
            "training run diverged before this file was written: take an earlier one"
        )


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError as exc:
        raise BadCheckpoint(f"there is no checkpoint at {path}") from exc
    except (zipfile.BadZipFile, EOFError, OSError, RuntimeError, ValueError) as exc:
        # Python's zipfile raises the last two at flags and names that make no sense.
        raise BadCheckpoint(
            f"{path.name} is not a whole checkpoint archive ({exc}); it was damaged or "
            "cut off on its way: copy or download it again"
        ) from exc


def _members(archive: zipfile.ZipFile, path: Path) -> dict[str, int]:
    """Give each member's size; refuse what an archive of ours never holds."""
    members: dict[str, int] = {}
    for info in archive.infolist():
        parts = PurePosixPath(info.filename).parts
        is_plain = ".." not in parts and not info.filename.startswith("/")
        is_stored = info.compress_type == zipfile.ZIP_STORED
        if not (is_plain and is_stored) or info.filename in members:
            raise BadCheckpoint(f"{path.name}: unexpected member {info.filename!r}")
        members[info.filename] = info.file_size
    return members


def _check_members(members: Mapping[str, int], manifest: Manifest, path: Path) -> None:
    found = {name: size for name, size in members.items() if name != MANIFEST}
    missing = sorted(({WEIGHTS} | set(manifest.files)) - set(found))
    extra = sorted(set(found) - set(manifest.files))
    if missing or extra:
        raise BadCheckpoint(
            f"{path.name}: missing members {missing}, extra members {extra}"
        )
    for name, facts in manifest.files.items():
        if found[name] != facts.size_bytes:
            raise BadCheckpoint(
                f"{path.name}: {name} has {found[name]} bytes, its manifest says "
                f"{facts.size_bytes}; copy or download the checkpoint again"
            )


def _json(content: bytes, path: Path) -> object:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise BadCheckpoint(f"{path.name}: {MANIFEST} is not JSON: {exc}") from exc


def _contiguous(
    weights: Mapping[str, np.ndarray[Any, Any]],
) -> dict[str, np.ndarray[Any, Any]]:
    return {key: np.asarray(value, order="C") for key, value in weights.items()}


def _write(path: Path, manifest: Manifest, members: Mapping[str, bytes]) -> Checkpoint:
    files = {
        name: FileFacts(hashlib.sha256(content).hexdigest(), len(content))
        for name, content in members.items()
    }
    manifest = replace(manifest, files=files)
    text = json.dumps(manifest.to_dict(), indent=2, ensure_ascii=False)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            with zipfile.ZipFile(file, "w") as archive:
                for name, content in {MANIFEST: text.encode(), **members}.items():
                    # A fixed date: equal contents make equal files.
                    archive.writestr(zipfile.ZipInfo(name), content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return Checkpoint.open(path)
