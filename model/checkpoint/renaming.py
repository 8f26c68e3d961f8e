"""Copy a checkpoint under another name, in constant memory; every byte is checked."""

import hashlib
import json
import os
import zipfile
from dataclasses import replace
from pathlib import Path

from model.checkpoint.archive import MANIFEST, Checkpoint
from model.checkpoint.manifest import Manifest
from model.errors import BadCheckpoint

CHUNK_BYTES = 2**20
PROJECT = "project"  # in a lineage: whose training made it


def copy_renamed(
    checkpoint: Checkpoint, path: Path, *, name: str, is_from_elsewhere: bool = False
) -> None:
    """Write a checkpoint anew under a name; its members stay bit for bit.

    Args:
        path: where; nothing that anybody reads yet.
        is_from_elsewhere: the project that made it, if it names one, may be of another
            service, and is left out.

    Raises:
        BadCheckpoint: a member is damaged.
        OSError: the disk is full.
    """
    manifest = replace(checkpoint.manifest, name=name)
    if is_from_elsewhere:
        manifest = _of_no_project(manifest)
    text = json.dumps(manifest.to_dict(), indent=2, ensure_ascii=False)
    whole = sum(facts.size_bytes for facts in manifest.files.values())
    if whole > checkpoint.path.stat().st_size:
        raise BadCheckpoint(f"{checkpoint.path.name}: its members overlap")
    with path.open("wb") as file:
        try:
            with (
                zipfile.ZipFile(checkpoint.path) as source,
                zipfile.ZipFile(file, "w") as target,
            ):
                target.writestr(zipfile.ZipInfo(MANIFEST), text.encode())
                for member, facts in manifest.files.items():
                    sha256 = _copy(member, facts.size_bytes, source, target)
                    if sha256 != facts.sha256:
                        raise BadCheckpoint(
                            f"{checkpoint.path.name}: {member} is damaged (its hash is "
                            "not the manifest's); copy or download the checkpoint again"
                        )
        except (zipfile.BadZipFile, EOFError) as exc:
            raise BadCheckpoint(
                f"{checkpoint.path.name} is damaged ({exc}): copy or download it again"
            ) from exc
        file.flush()
        os.fsync(file.fileno())
    path.chmod(0o644)


def _of_no_project(manifest: Manifest) -> Manifest:
    told = manifest.provenance.lineage or {}
    lineage = {key: value for key, value in told.items() if key != PROJECT}
    provenance = replace(manifest.provenance, lineage=lineage or None)
    return replace(manifest, provenance=provenance)


def _copy(
    member: str, size_bytes: int, source: zipfile.ZipFile, target: zipfile.ZipFile
) -> str:
    """Copy a member; gives the hash of what was read."""
    info = zipfile.ZipInfo(member)
    info.file_size = size_bytes
    digest = hashlib.sha256()
    with source.open(member) as read, target.open(info, "w") as write:
        while chunk := read.read(CHUNK_BYTES):
            digest.update(chunk)
            write.write(chunk)
    return digest.hexdigest()
