"""What a process can still do in the decoder's sandbox, tried by doing it."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from model.video import landlock, linux
from model.video.process import inspect_sandbox
from tests.unit.model.video.sandbox_attempts import RAW_CALLS
from tests.videos import draw_video

ROOT = Path(__file__).parents[4]
NOT_ROOT = "a process that is not root changes no user"
pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or linux.machine() not in ("x86_64", "aarch64"),
    reason="the layers are those of Linux, on two processors",
)

Attempt = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def attempt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attempt]:
    """Run the attempts in a layer, each layer once."""
    folder = tmp_path_factory.mktemp("sandbox")
    folder.chmod(0o755)
    answers: dict[str, dict[str, Any]] = {}
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        subprocess.Popen(["sleep", "600"]) as victim,
    ):

        def run(layer: str) -> dict[str, Any]:
            if layer not in answers:
                answers[layer] = _run_attempts(
                    folder, layer, port=server.getsockname()[1], victim=victim.pid
                )
            return answers[layer]

        yield run
        victim.kill()


@pytest.fixture(scope="module")
def missing() -> Mapping[str, str]:
    """What this machine lacks, as the decoding process itself tells."""
    return inspect_sandbox().missing


def _run_attempts(folder: Path, layer: str, **order: int) -> dict[str, Any]:
    text, secret = folder / f"{layer}.txt", folder / f"{layer}.secret"
    text.write_text("words")
    secret.write_text("hunter2")
    text.chmod(0o666)
    secret.chmod(0o600)
    sent = {**order, "layer": layer, "text": str(text), "secret": str(secret)}
    return run_python("-m", "tests.unit.model.video.sandbox_attempts", json.dumps(sent))


def run_python(*arguments: str, before: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run Python in a process of its own; return the JSON that it prints."""
    done = subprocess.run(
        [*before, sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.fixture
def outcomes(attempt: Attempt) -> dict[str, str]:
    """All layers together; one of those that open no files must be there."""
    answer = attempt("all")
    if "seccomp" not in answer["held"]:
        pytest.skip(f"seccomp: {answer['missing']['seccomp']}")
    return dict(answer["outcomes"])


@pytest.mark.parametrize(
    "name",
    [
        "read an open file",
        "start a thread",
        "signal itself",
        "wait",
        "take memory",
        "print",
        "see its parent",
    ],
)
def test_what_decoding_needs_still_works(outcomes: dict[str, str], name: str) -> None:
    assert outcomes[name] == "done"


@pytest.mark.parametrize(
    "name",
    [
        "read a secret",
        "read any file",
        "read a folder",
        "read a process",
        "write a file",
        "append to a file",
        "delete a file",
        "make a folder",
        "make a link",
        "rename a file",
        "change a mode",
        "cut off an open file",
        "connect an older socket",
        "listen",
        "make a socket",
        "make a local socket",
        "fork",
        "run a program",
        "signal another process",
        "trace another process",
        "limit another process",
        "become root",
        "leave for a namespace",
        "mount",
        *RAW_CALLS,
    ],
)
def test_nothing_else_does_and_each_is_told_so(
    outcomes: dict[str, str], name: str
) -> None:
    assert outcomes[name] in ("PermissionError", "OSError")  # EPERM, or ENOSYS.


@pytest.mark.skipif(os.geteuid() != 0, reason=NOT_ROOT)
def test_root_becomes_a_user_that_nobody_else_is(attempt: Attempt) -> None:
    answer = attempt("all")
    if "user" not in answer["held"]:
        pytest.skip(f"user: {answer['missing']['user']}")

    assert len(set(answer["ids"])) == 1
    assert answer["ids"][0] >= 65534


def test_landlock_alone_opens_no_file_and_no_connection(
    attempt: Attempt, missing: Mapping[str, str]
) -> None:
    if "landlock" in missing:
        pytest.skip(f"landlock: {missing['landlock']}")
    answer = attempt("landlock")["outcomes"]

    for name in ("read a secret", "read any file", "read a folder", "write a file"):
        assert answer[name] == "PermissionError"
    for name in ("make a folder", "delete a file", "trace another process"):
        assert answer[name] == "PermissionError"
    if landlock.version() >= 4:
        assert answer["connect an older socket"] == "PermissionError"
        assert answer["listen"] == "PermissionError"
    if landlock.version() >= 6:
        assert answer["signal another process"] == "PermissionError"
    assert answer["read an open file"] == answer["start a thread"] == "done"


def test_seccomp_alone_opens_no_file_and_no_connection(
    attempt: Attempt, missing: Mapping[str, str]
) -> None:
    if "seccomp" in missing:
        pytest.skip(f"seccomp: {missing['seccomp']}")
    answer = attempt("seccomp")["outcomes"]

    for name in ("read a secret", "make a socket", "connect an older socket", "fork"):
        assert answer[name] == "PermissionError"
    assert answer["read an open file"] == answer["start a thread"] == "done"


WITHOUT = """
import ctypes, json, os, socket, struct, sys
from model.video import linux, sandbox

def refuse(numbers):
    # A filter of the kind that containers bring: these calls do not exist.
    test = lambda code, jt, jf, value: struct.pack("=HBBI", code, jt, jf, value)
    program = test(0x20, 0, 0, 0)
    for number in numbers:
        program += test(0x15, 0, 1, number) + test(0x06, 0, 0, 0x50026)
    program += test(0x06, 0, 0, 0x7FFF0000)
    class Program(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
    if os.geteuid() != 0:
        linux.call("prctl", linux.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    linux.call("prctl", 22, 2, ctypes.byref(Program(len(program) // 8, program)))

refuse(json.loads(sys.argv[1]))
"""


def numbers_of(*names: str) -> list[int]:
    """Numbers of system calls on this processor."""
    table = {
        "seccomp": (317, 277),
        "landlock_create_ruleset": (444, 444),
        "unshare": (272, 97),
        "setuid": (105, 146),
        "setgroups": (116, 159),
        "capset": (126, 91),
    }
    column = 0 if linux.machine() == "x86_64" else 1
    return [table[name][column] for name in names]


@pytest.mark.skipif(os.geteuid() != 0, reason=NOT_ROOT)
def test_root_on_an_old_kernel_loses_at_least_its_user_and_the_network(
    tmp_path: Path,
) -> None:
    tmp_path.chmod(0o755)
    secret = tmp_path / "webhook_secret"
    secret.write_text("hunter2")
    secret.chmod(0o600)
    code = f"""{WITHOUT}
report = sandbox.enter_sandbox()
def tried(attempt):
    try:
        return attempt() and "done"
    except OSError as exc:
        return type(exc).__name__
def connect():
    with socket.socket() as new:
        new.connect(("127.0.0.1", int(sys.argv[3])))
    return True
print(json.dumps({{
    "missing": report.missing, "held": report.held,
    "read": tried(lambda: open(sys.argv[2]).read()), "connect": tried(connect),
    "root": tried(lambda: os.setuid(0) or True),
}}))
"""
    refused = json.dumps(numbers_of("seccomp", "landlock_create_ruleset"))

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        answer = run_python("-c", code, refused, str(secret), port)

    assert set(answer["missing"]) >= {"landlock", "seccomp"}
    if "user" in answer["held"]:
        assert answer["read"] == answer["root"] == "PermissionError"
    if "network" in answer["held"]:
        assert answer["connect"] == "OSError"  # The network is unreachable.


def test_where_no_layer_can_be_had_a_video_is_decoded_all_the_same(
    tmp_path: Path,
) -> None:
    draw_video(tmp_path / "match.mp4", frames=30)
    refused = numbers_of(
        "seccomp", "landlock_create_ruleset", "unshare", "setuid", "setgroups", "capset"
    )
    code = f"""{WITHOUT}
from pathlib import Path
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec
from model.video.process import inspect_sandbox

missing = inspect_sandbox().missing
with decode_in_child(Path(sys.argv[2]), FrameSpec(80, 48, fps=30.0)) as steps:
    print(json.dumps({{"missing": missing, "steps": len(list(steps))}}))
"""

    answer = run_python("-c", code, json.dumps(refused), str(tmp_path / "match.mp4"))

    assert answer["steps"] == 30
    assert set(answer["missing"]) >= {"network", "capabilities", "landlock", "seccomp"}
    assert all(answer["missing"].values())
    assert ("user" in answer["missing"]) == (os.geteuid() == 0)


@pytest.mark.skipif(os.geteuid() != 0, reason=NOT_ROOT)
@pytest.mark.skipif(shutil.which("setpriv") is None, reason="no setpriv")
@pytest.mark.parametrize("lost", ["-kill", "-setuid", "-all"])
def test_a_root_that_could_not_end_another_user_keeps_its_child_its_own(
    tmp_path: Path, lost: str
) -> None:
    draw_video(tmp_path / "match.mp4", frames=30)
    code = """
import json, os, sys
from pathlib import Path
from model.video.decode import decode_in_child
from model.video.frame_spec import FrameSpec
from model.video.process import inspect_sandbox

missing = inspect_sandbox().missing
with decode_in_child(Path(sys.argv[1]), FrameSpec(80, 48, fps=30.0)) as steps:
    next(steps)
    owner = os.stat(f"/proc/{steps.pid}").st_uid
print(json.dumps({"missing": missing, "owner": owner,
                  "gone": not os.path.exists(f"/proc/{steps.pid}")}))
"""

    answer = run_python(
        "-c",
        code,
        str(tmp_path / "match.mp4"),
        before=("setpriv", "--bounding-set", lost),
    )

    assert answer["gone"]
    assert answer["owner"] == 0
    assert "user" in answer["missing"]


@pytest.mark.skipif(os.geteuid() != 0, reason=NOT_ROOT)
def test_root_keeps_its_user_where_another_could_not_read_the_file(
    tmp_path: Path,
) -> None:
    # A descriptor that nobody can read stands for a disk that asks who reads.
    code = """
import json, os, sys
from model.video.sandbox import enter_sandbox

report = enter_sandbox(reading=os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT))
print(json.dumps({"missing": report.missing, "user": os.geteuid()}))
"""

    answer = run_python("-c", code, str(tmp_path / "match.mp4"))

    assert answer["user"] == 0
    assert "user" in answer["missing"]
