"""The videos that are sent: short, of several kinds, each with a truth of its own."""

from pathlib import Path

from tests.videos import draw_video, join_bytes, match_picture

SIZE = (96, 54)


def draw_clips(folder: Path) -> list[Path]:
    """Draw them: even, of a variable rate, a stream that restarts, a longer one."""
    folder.mkdir()
    even, uneven = folder / "even.mp4", folder / "uneven.mkv"
    draw_video(even, frames=45, fps=15, size=SIZE, paint=match_picture)
    times_ms = [k * 55 + (k % 7) * 4 + (900 if k > 30 else 0) for k in range(60)]
    draw_video(uneven, times_ms=times_ms, size=SIZE, paint=match_picture)
    one, restarted = folder / "one.ts", folder / "restarted.ts"
    draw_video(one, frames=30, fps=15, size=SIZE, paint=match_picture)
    join_bytes([one, one], restarted)
    long = folder / "long.mp4"
    draw_video(long, frames=180, fps=15, size=SIZE, paint=match_picture, key_every=60)
    return [even, uneven, restarted, long]
