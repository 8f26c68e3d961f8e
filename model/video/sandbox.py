"""What a decoding process may use, and that it never outlives its parent.

It reads other people's bytes with a large library in C, so it is made to own nothing:
no root, no network, no file but those that are open already. Each layer is applied
where the system has it and the process may; where not, it decodes without.
"""

import contextlib
import ctypes
import errno
import os
import resource
import select
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from model.video import landlock, linux, seccomp

POLL_S = 0.5
"""How often the child looks whether its parent still lives."""

MESSAGE_BYTES = 1 << 20
"""Room for a child's own error messages on stderr."""

OPEN_FILES = 32

_FIRST_PRIVATE_UID = 0x70000000
"""Above what systems, containers and /etc/subuid hand out. The process id is added:
no two decoders share a user, nor does anything else."""

_NOBODY = 65534
"""For user namespaces that map no number above 65535."""

_CAP_KILL = 5
_CAPABILITY_VERSION_3 = 0x20080522


@dataclass(frozen=True, slots=True)
class SandboxReport:
    """Which layers of the sandbox hold.

    Attributes:
        held: `user` (not root), `capabilities` (none is left), `network` (an empty
            namespace), `no_new_privs`, `landlock`, `seccomp`.
        missing: the others, each with the reason.
    """

    held: tuple[str, ...]
    missing: Mapping[str, str]

    def __str__(self) -> str:
        lacks = [f"{layer} ({reason})" for layer, reason in self.missing.items()]
        return f"held: {_listed(self.held)}; missing: {_listed(lacks)}"

    @classmethod
    def from_message(cls, message: Mapping[str, Any]) -> "SandboxReport":
        """Read back what a child reports.

        Raises:
            KeyError, TypeError, ValueError: it is no report.
        """
        missing = {
            str(name): str(why) for name, why in dict(message["missing"]).items()
        }
        return cls(tuple(map(str, message["held"])), missing)


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "none"


def enter_sandbox(
    *,
    reading: int | None = None,
    listen: Callable[[], int] | None = None,
    has_driver: bool = False,
) -> SandboxReport:
    """Give up, for good, all that decoding does not need; raises nothing.

    Call it in the only thread, with everything imported and opened that will be
    needed: no file can be opened later, no process or connection be started.

    Args:
        reading: a descriptor that must stay readable. Some network disks ask at
            each read who reads; on those the user stays the same.
        listen: TCP inside the process's own, empty network is needed: this opens the
            only port that may be connected to, and returns it. Where the process
            cannot have a network of its own, the port is in the system's.
        has_driver: a graphics card decodes, whose driver goes on opening files and
            making calls of its own: landlock and seccomp are left out.
    """
    # In this order: each may need what a later one takes away.
    layers: Mapping[str, Callable[[], object]] = {
        "network": lambda: _leave_network(loopback=listen is not None),
        "user": lambda: _drop_user(reading),
        "capabilities": lambda: linux.call("capset", _own_capabilities(), bytes(24)),
        "no_new_privs": _refuse_new_privileges,
        "landlock": lambda: landlock.deny_files_and_network(port=port),
        "seccomp": lambda: seccomp.deny_unlisted_calls(sockets=listen is not None),
    }
    held, missing = [], {}
    port: int | None = None
    for layer, apply in layers.items():
        if has_driver and layer in ("landlock", "seccomp"):
            missing[layer] = "hardware decoding: the driver needs its files"
            continue
        try:
            apply()
        except OSError as exc:
            missing[layer] = exc.strerror or str(exc)
        else:
            held.append(layer)
        if layer == "network" and listen is not None:
            port = listen()
    return SandboxReport(tuple(held), missing)


def _leave_network(*, loopback: bool) -> None:
    linux.call("unshare", linux.CLONE_NEWNET)
    if loopback:
        linux.bring_loopback_up()


def _drop_user(reading: int | None) -> None:
    if os.geteuid() != 0:
        return
    if not _has_capability(_CAP_KILL):
        # Then nor has the parent: it could not end a child of another user.
        raise OSError(errno.EPERM, "the parent lacks CAP_KILL")
    with _keeping_death_signal():
        try:
            _become(_FIRST_PRIVATE_UID + os.getpid(), reading)
        except OSError:
            _become(_NOBODY, reading)


def _become(number: int, reading: int | None) -> None:
    os.seteuid(number)
    try:
        if reading is not None:
            os.fstat(reading)
            os.pread(reading, 1, 0)
    finally:
        os.seteuid(0)
    os.setgroups([])
    os.setgid(number)  # Root's call sets the real, effective and saved one.
    os.setuid(number)


@contextlib.contextmanager
def _keeping_death_signal() -> Iterator[None]:
    """Set again what `die_with_thread` set: Linux forgets it with the user."""
    number = ctypes.c_int(0)
    with contextlib.suppress(OSError):
        linux.call("prctl", linux.PR_GET_PDEATHSIG, ctypes.byref(number))
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            linux.call("prctl", linux.PR_SET_PDEATHSIG, number.value)


def _has_capability(number: int) -> bool:
    if sys.platform != "linux":
        return True
    held = ctypes.create_string_buffer(24)  # Effective, permitted, inheritable; twice.
    linux.call("capget", _own_capabilities(), held)
    return bool(int.from_bytes(held.raw[:4], sys.byteorder) >> number & 1)


def _own_capabilities() -> bytes:
    return struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)  # 0: of this process.


def _refuse_new_privileges() -> None:
    linux.call("prctl", linux.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def limit_self(
    *,
    memory_bytes: int,
    cpu_s: int,
    file_bytes: int = MESSAGE_BYTES,
    open_files: int = OPEN_FILES,
) -> None:
    """Bound this process's memory, CPU time, open files and what it may write.

    A bound that the system does not know (address space on macOS) is left out.
    """
    bounds = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_NOFILE: open_files,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for kind, bound in bounds.items():
        hard = resource.getrlimit(kind)[1]
        wanted = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (wanted, wanted))


def die_with_thread(parent: int) -> None:
    """Have Linux kill this process when the thread that started it ends.

    Only for a child of the main thread. Elsewhere `watch_parent` does it alone.
    """
    with contextlib.suppress(OSError):
        linux.call("prctl", linux.PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)


def watch_parent(
    descriptor: int,
    *,
    parent: int,
    receive: Callable[[bytes], None],
    tick: Callable[[], None],
) -> None:
    """Read what the parent sends until it is gone, then end this process at once.

    It is gone when its end of the pipe is closed, or when this process has another
    parent (another process may hold a copy of the pipe).

    Args:
        descriptor: the pipe from the parent.
        parent: the parent's process id.
        receive: is given the bytes that came.
        tick: called after each read or pause of at most `POLL_S`.
    """
    while os.getppid() == parent:
        if select.select([descriptor], [], [], POLL_S)[0]:
            data = os.read(descriptor, 4096)
            if not data:
                break
            receive(data)
        tick()
    os._exit(0)
