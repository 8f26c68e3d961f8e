"""System calls of Linux that Python's `os` lacks; each failure is an `OSError`."""

import ctypes
import errno
import fcntl
import os
import platform
import socket
import struct
import sys

CLONE_NEWNET = 0x40000000
_SIOCSIFFLAGS = 0x8914
_IFF_UP, _IFF_RUNNING = 0x1, 0x40
PR_SET_PDEATHSIG = 1
PR_GET_PDEATHSIG = 2
PR_SET_NAME = 15
PR_GET_NAME = 16
PR_SET_NO_NEW_PRIVS = 38
PR_SET_VMA = 0x53564D41
"""Names a piece of memory for whoever looks into /proc."""


def machine() -> str:
    """Return the processor that this process was built for, as `uname -m` names it.

    A 32-bit process on a 64-bit kernel has system calls of its own: it gets an
    empty name, which no table knows.
    """
    return platform.machine() if sys.maxsize > 1 << 32 else ""


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library that returns -1 and `errno` on failure.

    Whole numbers are passed as `long`, the width that system calls take.

    Raises:
        OSError: it failed, or this system has no such function.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "only Linux has it")
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    function.restype = ctypes.c_long if name == "syscall" else ctypes.c_int
    ctypes.set_errno(0)
    result: int = function(
        *(ctypes.c_long(one) if isinstance(one, int) else one for one in arguments)
    )
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def bring_loopback_up() -> None:
    """Switch on the loopback interface of this process's network namespace.

    Raises:
        OSError: the process may not.

    Source: netdevice(7).
    """
    request = struct.pack("16sH14x", b"lo", _IFF_UP | _IFF_RUNNING)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)
