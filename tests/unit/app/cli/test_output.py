"""Files that verbs write: whole or not at all, and never over what is not theirs."""

import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from app.cli.output import output_file, output_text

OLD = "what the user has\n"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file of the user's."""
    path = tmp_path / "old.csv"
    path.write_text(OLD)
    return path


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file grow past some bytes, as a full disk would."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def left_in(folder: Path) -> set[str]:
    """Name what lies in a folder, hidden files too."""
    return {path.name for path in folder.iterdir()}


def test_a_file_that_is_there_is_refused_and_the_way_out_is_named(old: Path) -> None:
    with pytest.raises(typer.BadParameter, match="exists already; use --force"):
        output_file(old)

    assert old.read_text() == OLD


def test_force_replaces_a_file_and_keeps_its_mode(old: Path) -> None:
    old.chmod(0o640)

    output_file(old, force=True).write_text("new\n")

    assert old.read_text() == "new\n"
    assert stat.S_IMODE(old.stat().st_mode) == 0o640
    assert left_in(old.parent) == {"old.csv"}


def test_a_new_file_has_the_mode_that_the_user_gives_to_new_files(
    tmp_path: Path,
) -> None:
    before = os.umask(0o027)
    try:
        output_file(tmp_path / "new.csv").write_text("new\n")
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "new.csv").stat().st_mode) == 0o640


@pytest.mark.parametrize("way", ["itself", "symbolic link", "hard link", "dots"])
def test_an_input_is_refused_by_whatever_name_even_with_force(
    old: Path, way: str
) -> None:
    out = old.with_name("other.csv")
    if way == "itself":
        out = old
    elif way == "symbolic link":
        out.symlink_to(old)
    elif way == "hard link":
        out.hardlink_to(old)
    else:
        (old.parent / "folder").mkdir()
        out = old.parent / "folder" / ".." / old.name

    with pytest.raises(typer.BadParameter, match="the same file as the input"):
        output_file(out, inputs=[old], force=True)

    assert old.read_text() == OLD


@pytest.mark.skipif(not Path("/dev/stdin").exists(), reason="no /dev/stdin here")
@pytest.mark.parametrize(
    "words", [("/dev/stdin", "old.csv"), ("old.csv", "/dev/stdin")]
)
def test_an_input_read_from_standard_input_is_refused(
    old: Path, words: tuple[str, str]
) -> None:
    code = (
        "import sys; from pathlib import Path; from app.cli.output import output_text; "
        "output_text(Path(sys.argv[1]), inputs=[Path(sys.argv[2])], force=True)"
    )
    with old.open() as source:
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            cwd=old.parent,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=source,
            capture_output=True,
            text=True,
            check=False,
        )

    assert "the same file as the input" in done.stderr
    assert old.read_text() == OLD


def test_the_file_to_be_updated_needs_no_force(old: Path) -> None:
    with output_file(old, updates=old).staged() as beside:
        beside.write_text("new\n")

    assert old.read_text() == "new\n"


def test_a_symbolic_link_stays_one_and_what_it_leads_to_is_replaced(old: Path) -> None:
    link = old.with_name("link.csv")
    link.symlink_to(old.name)

    output_file(link, force=True).write_text("new\n")

    assert link.is_symlink()
    assert old.read_text() == "new\n"


def test_the_other_names_of_a_file_keep_the_old_content(old: Path) -> None:
    other = old.with_name("other.csv")
    other.hardlink_to(old)

    output_file(other, force=True).write_text("new\n")

    assert other.read_text() == "new\n"
    assert old.read_text() == OLD


def test_a_loop_of_links_is_named(tmp_path: Path) -> None:
    loop = tmp_path / "loop.csv"
    loop.symlink_to(loop.name)

    with pytest.raises((typer.BadParameter, OSError), match=r"link|loop"):
        output_file(loop).write_text("new\n")


def test_a_full_disk_leaves_the_old_file_and_nothing_else(old: Path) -> None:
    target = output_file(old, force=True)

    with full_disk(), pytest.raises(OSError, match=r"old\.csv"):
        target.write_text("new\n" * 99)

    assert old.read_text() == OLD
    assert left_in(old.parent) == {"old.csv"}


def test_a_full_disk_leaves_no_half_of_a_new_file(tmp_path: Path) -> None:
    target = output_file(tmp_path / "new.csv")

    with full_disk(), pytest.raises(OSError, match=r"new\.csv"):
        target.write_text("new\n" * 99)

    assert left_in(tmp_path) == set()


def test_work_that_fails_leaves_the_old_file(old: Path) -> None:
    def work() -> None:
        with output_file(old, updates=old).staged() as beside:
            beside.write_text("half")
            raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        work()

    assert old.read_text() == OLD
    assert left_in(old.parent) == {"old.csv"}


def test_a_process_killed_in_the_middle_leaves_the_old_file(old: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; "
        "from app.cli.output import output_file\n"
        "with output_file(Path(sys.argv[1]), force=True).staged() as beside:\n"
        "    beside.write_text('half')\n"
        "    os.kill(os.getpid(), 9)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, str(old)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )

    assert done.returncode == -signal.SIGKILL
    assert old.read_text() == OLD


def test_a_file_made_by_another_program_meanwhile_stays_and_the_result_is_kept(
    tmp_path: Path,
) -> None:
    target = output_file(tmp_path / "events.csv")
    (tmp_path / "events.csv").write_text(OLD)

    with pytest.raises(FileExistsError, match="the result is in") as refused:
        target.write_text("new\n")

    assert (tmp_path / "events.csv").read_text() == OLD
    (kept,) = left_in(tmp_path) - {"events.csv"}
    assert kept in str(refused.value)
    assert (tmp_path / kept).read_text() == "new\n"


def test_a_block_that_writes_nothing_changes_nothing(old: Path) -> None:
    with output_file(old, updates=old).staged():
        pass

    assert old.read_text() == OLD


def test_a_pipe_takes_the_text(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()

    output_text(pipe).write_text("new\n")

    reader.join(60)
    assert read == ["new\n"]
    assert pipe.is_fifo()


def test_a_device_takes_the_text_and_stays_a_device() -> None:
    output_text(Path(os.devnull)).write_text("new\n")

    assert Path(os.devnull).is_char_device()


def test_a_pipe_is_no_place_for_a_checkpoint(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with pytest.raises(typer.BadParameter, match="not a regular file"):
        output_file(pipe, force=True)


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout here")
def test_standard_output_that_is_a_file_is_written_on(old: Path) -> None:
    code = (
        "from pathlib import Path; from app.cli.output import output_text; "
        "output_text(Path('/dev/stdout')).write_text('new\\n')"
    )
    with old.open("a") as target:
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=target,
            check=True,
        )

    assert old.read_text() == f"{OLD}new\n"
