"""Landlock: which files a process may still reach, told to the kernel by the process itself and never taken back.

Needs Linux 5.13 or newer. Newer kernels know more rights, so the version is asked first, and only what it knows is
used. What Landlock does not govern (stat, chmod, chown, times) is left to the uid and to seccomp.
"""

from __future__ import annotations

import ctypes
import os
import stat
import struct
import sys
from typing import Iterable

from sojourn_kernel.libc import checked, libc

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
CREATE_RULESET_VERSION = 1
RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
REMOVE_DIR, REMOVE_FILE, MAKE_CHAR, MAKE_DIR = 1 << 4, 1 << 5, 1 << 6, 1 << 7
MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK = 1 << 8, 1 << 9, 1 << 10, 1 << 11
MAKE_SYM, REFER, TRUNCATE, IOCTL_DEV = 1 << 12, 1 << 13, 1 << 14, 1 << 15
BIND_TCP, CONNECT_TCP = 1, 2
SCOPE_ABSTRACT_UNIX, SCOPE_SIGNAL = 1, 2

READ = READ_FILE | READ_DIR
CHANGE = (READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_FIFO | MAKE_SYM | REFER
          | TRUNCATE)
DEVICE = READ_FILE | WRITE_FILE | TRUNCATE
# A rule for something that is no folder may hold these only.
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
# The first version that can also stop signals to processes outside.
SIGNALS_SINCE = 6


def version() -> int:
    """The ABI version of the running kernel; 0 where there is none."""
    if sys.platform != 'linux':
        return 0
    found = libc.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(CREATE_RULESET_VERSION))
    return max(0, int(found))


def handled(abi: int) -> int:
    """Every right over files that this version can take away."""
    rights = (1 << 13) - 1
    rights |= REFER if abi >= 2 else 0
    rights |= TRUNCATE if abi >= 3 else 0
    return rights | (IOCTL_DEV if abi >= 5 else 0)


def restrict(abi: int, rules: Iterable[tuple[str, int]], network: bool) -> None:
    """Gives up everything but `rules`, pairs of a path and the rights below it. Paths that are not there are left out.

    @raises OSError when the kernel refuses. Needs no_new_privs. To be called before the process has threads.
    """
    files = handled(abi)
    attributes = struct.pack('Q', files)
    if abi >= 4:
        attributes += struct.pack('Q', 0 if network else BIND_TCP | CONNECT_TCP)
    if abi >= 6:
        attributes += struct.pack('Q', SCOPE_SIGNAL | (0 if network else SCOPE_ABSTRACT_UNIX))
    ruleset = checked(libc.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), 0), 'Landlock')
    try:
        for path, rights in rules:
            _allow(ruleset, path, rights & files)
        checked(libc.syscall(RESTRICT_SELF, ruleset, 0), 'Landlock')
    finally:
        os.close(ruleset)


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(place).st_mode):
            rights &= OF_FILES
        rule = struct.pack('=Qi', rights, place)
        checked(libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, rule, 0), 'Landlock')
    finally:
        os.close(place)
