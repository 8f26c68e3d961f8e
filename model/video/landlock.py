"""Landlock: a process that opens no file and no connection from here on.

What was opened before stays usable. Needs Linux 5.13, and no privilege.
"""

import ctypes
import os
import struct

from model.video import linux

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = (
    444,
    445,
    446,
)  # The same on every processor.
_GET_VERSION = 1
_OF_PORT = 2
_CONNECT_TCP = 0b10

_ACCESS_BITS = {1: 13, 2: 14, 3: 15, 5: 16}
"""From which version on how many kinds of access to files can be denied."""

_CONNECT_OR_BIND_TCP = 0b11  # From version 4 on.
_ABSTRACT_SOCKETS_OR_SIGNALS = 0b11  # Beyond this process; from version 6 on.


class _Ruleset(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


def version() -> int:
    """Return which version of Landlock the kernel has.

    Raises:
        OSError: none, or it is switched off.
    """
    return linux.call("syscall", _CREATE_RULESET, None, 0, _GET_VERSION)


def deny_files_and_network(*, port: int | None = None) -> None:
    """Deny this thread, and those it starts, all that this kernel can deny.

    The process must have given up new privileges (`PR_SET_NO_NEW_PRIVS`).

    Args:
        port: of TCP that may be connected to all the same.

    Raises:
        OSError: the kernel has no Landlock, or it is switched off.
    """
    has = version()
    bits = max(count for first, count in _ACCESS_BITS.items() if first <= has)
    wanted = _Ruleset(
        handled_access_fs=(1 << bits) - 1,
        handled_access_net=_CONNECT_OR_BIND_TCP if has >= 4 else 0,
        scoped=_ABSTRACT_SOCKETS_OR_SIGNALS if has >= 6 else 0,
    )
    size = ctypes.sizeof(wanted)  # A kernel takes fields it does not know if 0.
    # But for a port no rule is added to the set: nothing it handles is allowed.
    ruleset = linux.call("syscall", _CREATE_RULESET, ctypes.byref(wanted), size, 0)
    try:
        if port is not None and has >= 4:
            rule = struct.pack("=QQ", _CONNECT_TCP, port)
            linux.call("syscall", _ADD_RULE, ruleset, _OF_PORT, rule, 0)
        linux.call("syscall", _RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
