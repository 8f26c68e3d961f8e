"""Enters the sandbox, or one layer of it, and tries what must work and what must not.

    python -m tests.unit.model.video.sandbox_attempts ORDER

ORDER is JSON: the `layer` (or `all`), the paths `text` and `secret`, a `port` where
somebody listens, the process `victim`. Prints what each attempt came to.
"""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from model.video import landlock, linux, sandbox, seccomp

RAW_CALLS = {
    "bpf": (321, 280),
    "execveat": (322, 281),
    "io_uring_setup": (425, 425),
    "keyctl": (250, 219),
    "open_by_handle_at": (304, 265),
    "perf_event_open": (298, 241),
    "pidfd_open": (434, 434),
    "process_vm_readv": (310, 270),
    "userfaultfd": (323, 282),
}
"""Numbers on x86_64 and aarch64 of what the C library has no function for."""


def main() -> None:
    """Answer the order on standard output."""
    order = json.loads(sys.argv[1])
    attempts = {**needed(order), **files(order), **network(order)}
    attempts |= {**processes(order), **kernel()}
    report = enter(order["layer"])
    outcomes = {name: outcome_of(attempt) for name, attempt in attempts.items()}
    ids = [os.getuid(), os.geteuid(), os.getgid(), os.getegid()]
    sys.stdout.write(json.dumps({**report, "outcomes": outcomes, "ids": ids}))


def enter(layer: str) -> dict[str, Any]:
    """Enter the whole sandbox, or one layer."""
    if layer == "all":
        report = sandbox.enter_sandbox()
        return {"held": report.held, "missing": report.missing}
    linux.call("prctl", linux.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if layer == "landlock":
        landlock.deny_files_and_network()
    else:
        seccomp.deny_unlisted_calls()
    return {"held": [layer], "missing": {}}


def outcome_of(attempt: Callable[[], object]) -> str:
    """Try, and say `done` or the name of the error."""
    try:
        attempt()
    except OSError as exc:
        return type(exc).__name__
    return "done"


def needed(order: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """List what decoding needs."""
    descriptor = os.open(order["text"], os.O_RDONLY)
    own = os.getpid()
    return {
        "read an open file": lambda: os.pread(descriptor, 4, 0),
        "start a thread": run_thread,
        "signal itself": lambda: signal.raise_signal(signal.SIGCHLD),
        "wait": lambda: threading.Event().wait(0.01),
        "take memory": lambda: bytearray(50_000_000),
        "print": lambda: os.write(2, b""),
        "see its parent": lambda: os.getppid() != own or os.abort(),
    }


def run_thread() -> None:
    """Run a thread to its end."""
    done: list[bool] = []
    thread = threading.Thread(target=done.append, args=(True,))
    thread.start()
    thread.join()
    assert done == [True]


def files(order: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """List what would reach files other than those that are open."""
    text, secret = Path(order["text"]), Path(order["secret"])
    writable = os.open(text, os.O_RDWR)
    return {
        "read a secret": secret.read_bytes,
        "read any file": text.read_bytes,
        "read a folder": lambda: list(text.parent.iterdir()),
        "read a process": Path(f"/proc/{order['victim']}/environ").read_bytes,
        "write a file": lambda: text.with_suffix(".new").write_bytes(b"new"),
        "append to a file": lambda: text.open("ab").close(),
        "delete a file": lambda: secret.unlink(),
        "make a folder": lambda: text.with_suffix(".folder").mkdir(),
        "make a link": lambda: text.with_suffix(".link").symlink_to(text),
        "rename a file": lambda: text.rename(text.with_suffix(".moved")),
        "change a mode": lambda: text.chmod(0o777),
        "cut off an open file": lambda: os.ftruncate(writable, 1),
    }


def network(order: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """List what would reach other machines, or services of this one."""
    early, other = socket.socket(), socket.socket()
    address = ("127.0.0.1", order["port"])
    return {
        "connect an older socket": lambda: early.connect(address),
        "listen": lambda: other.bind(("127.0.0.1", 0)),
        "make a socket": lambda: socket.socket().close(),
        "make a local socket": lambda: socket.socket(socket.AF_UNIX).close(),
    }


def processes(order: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """List what would start, touch or become other processes."""
    victim = order["victim"]
    seize = 0x4206
    return {
        "fork": lambda: os.fork() or os._exit(0),
        "run a program": lambda: subprocess.run(["/bin/true"], check=False),
        "signal another process": lambda: os.kill(victim, 0),
        "trace another process": lambda: linux.call("ptrace", seize, victim, 0, 0),
        "limit another process": lambda: resource.prlimit(
            victim, resource.RLIMIT_NOFILE, (64, 64)
        ),
        "become root": lambda: os.setuid(0),
        "leave for a namespace": lambda: linux.call("unshare", 0x10000000),
        "mount": lambda: linux.call("mount", b"none", b"/mnt", b"tmpfs", 0, None),
    }


def kernel() -> dict[str, Callable[[], object]]:
    """List calls that have had holes, or go around the other rules."""
    column = 0 if linux.machine() == "x86_64" else 1

    def asker(number: int) -> Callable[[], object]:
        return lambda: linux.call("syscall", number, 0, 0, 0, 0, 0)

    return {name: asker(numbers[column]) for name, numbers in RAW_CALLS.items()}


if __name__ == "__main__":
    main()
