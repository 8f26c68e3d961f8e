"""The whole videos that are mutated: one of each kind, and those that are shared."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.shared_data import shared_dir
from tests.videos import draw_video

_KINDS: Mapping[str, Mapping[str, Any]] = {
    "plain.mp4": {"b_frames": 2, "sound": True, "key_every": 6},
    "fast.mp4": {"options": {"movflags": "faststart"}, "rotation": 90},
    "parts.mp4": {"options": {"movflags": "frag_keyframe+empty_moov"}, "key_every": 6},
    "hevc.mp4": {"codec": "libx265", "pix_fmt": "yuv420p10le", "b_frames": 2},
    "av1.mp4": {"codec": "libsvtav1"},
    "motion.mov": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "prores.mov": {"codec": "prores_ks", "pix_fmt": "yuv422p10le"},
    "varied.mkv": {"times_ms": [n * 40 + n % 3 * 11 for n in range(16)]},
    "hevc.mkv": {"codec": "libx265", "sound": True},
    "vp8.webm": {"codec": "libvpx"},
    "vp9.webm": {"codec": "libvpx-vp9"},
    "old.avi": {"codec": "mpeg4", "b_frames": 1},
    "h264.avi": {"b_frames": 2},
    "h264.ts": {"b_frames": 2, "start_ms": 1000},
    "fields.ts": {"codec": "mpeg2video", "interlaced": True},
    "hevc.ts": {"codec": "libx265", "sound": True},
}


def draw_corpus(folder: Path) -> dict[str, bytes]:
    """Draw the videos in a folder that is empty again then; their bytes by name."""
    files: dict[str, bytes] = {}
    for name, how in _KINDS.items():
        path = folder / name
        draw_video(path, **{"frames": 16, "size": (96, 64), **how})
        files[name] = path.read_bytes()
        path.unlink()
    return files


def shared_corpus() -> dict[str, bytes]:
    """Read the videos in the shared folder, if there are any; their bytes by name."""
    shared = shared_dir()
    if shared is None:
        return {}
    paths = sorted((shared / "cases" / "video").glob("*.*"))
    return {path.name: path.read_bytes() for path in paths}
