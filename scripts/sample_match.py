"""Cut the sample match: `python scripts/sample_match.py VIDEO OUT`.

VIDEO is `arena/val/match_04/video.mp4` of the rendered matches: two minutes, drawn
with the Google Research Football engine (Apache-2.0), and of the validation matches, so
that the shipped network was not trained on it. What is committed lies in
`app/videos/sample`; its name, teams and kick-off are in `app/videos/sample_match.py`.
"""

import argparse
import subprocess
from pathlib import Path

MAX_BYTES = 6 * 2**20


def main() -> None:
    """Encode the first two minutes anew; an existing OUT is left alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("video", type=Path)
    parser.add_argument("out", type=Path)
    asked = parser.parse_args()
    subprocess.run(encoding(asked.video, asked.out), check=True)
    size_bytes = asked.out.stat().st_size
    print(f"{asked.out}: {size_bytes / 2**20:.2f} MiB")
    if size_bytes > MAX_BYTES:
        raise SystemExit(f"larger than {MAX_BYTES / 2**20:g} MiB")


def encoding(video: Path, out: Path) -> list[str]:
    """Write FFmpeg's call: H.264 that every browser plays, from a key frame at 0."""
    return [
        *("ffmpeg", "-n", "-v", "error", "-i", str(video), "-t", "120"),
        *("-an", "-sn", "-dn", "-map_metadata", "-1"),
        *("-vf", "setpts=PTS-STARTPTS,scale=640:360:flags=lanczos"),
        *("-c:v", "libx264", "-preset", "medium", "-crf", "26", "-pix_fmt", "yuv420p"),
        *("-g", "60", "-bf", "2", "-threads", "1", "-fflags", "+bitexact"),
        *("-movflags", "+faststart", str(out)),
    ]


if __name__ == "__main__":
    main()
