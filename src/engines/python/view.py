"""A view of the file system in which another user can reach what a session needs, and nothing beside it.

Homes and data folders are closed to other users, and so are the workspaces in them. Nothing is opened for the machine:
the zygote takes a mount namespace of its own, lays an empty folder over each closed one, and puts into it only
the folders that sessions need.
"""

from __future__ import annotations

import ctypes
import os
import stat

from sojourn_kernel.libc import checked, libc

CLONE_NEWNS = 0x00020000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_SLAVE = 2, 4, 4096, 16384, 1 << 19
MNT_DETACH = 2
EXECUTE_BY_OTHERS = 0o001


def closed_ancestor(path: str) -> str | None:
    """The topmost folder above `path` (or itself) that a foreign user cannot pass."""
    walked = '/'
    for step in [''] + [step for step in path.split('/') if step]:
        walked = os.path.join(walked, step)
        if not os.stat(walked).st_mode & EXECUTE_BY_OTHERS:
            return walked
    return None


def open_for_others(paths: list[str]) -> list[str]:
    """Makes these folders reachable for any user, in this process and its children. Returns the folders covered.

    @raises OSError when the process may not mount: it then sees what it saw before.
    """
    needed = {os.path.realpath(path) for path in paths if os.path.isdir(path)}
    below: dict[str, list[str]] = {}
    for path in sorted(needed):
        closed = closed_ancestor(os.path.dirname(path))
        if closed is not None:
            below.setdefault(closed, []).append(path)
    if not below:
        return []
    checked(libc.unshare(CLONE_NEWNS), 'unshare')
    _mount('none', '/', None, MS_REC | MS_SLAVE, None)
    # Held open after the namespace is taken, for only its own mounts can be bound, and before anything is covered.
    held = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for closed in below for path in below[closed]}
    covered: list[str] = []
    try:
        for closed, inside in below.items():
            _mount('sojourn', closed, 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=0711,size=64k,nr_inodes=4k')
            covered.append(closed)
            for path in inside:
                os.makedirs(path, mode=0o755, exist_ok=True)
                _mount('/proc/self/fd/%d' % held[path], path, None, MS_BIND | MS_REC, None)
    except OSError:
        for closed in reversed(covered):
            libc.umount2(closed.encode(), MNT_DETACH)
        raise
    finally:
        for descriptor in held.values():
            os.close(descriptor)
    return covered


def hold() -> int | None:
    """The view of the file system as it is now, to come back to; None where there is no such thing."""
    try:
        return os.open('/proc/self/ns/mnt', os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


def go_back(held: int) -> None:
    """Into the view that was held, at the folder of the same path. @raises OSError"""
    folder = os.getcwd()
    checked(libc.setns(held, CLONE_NEWNS), 'setns')
    os.chdir(folder)


def is_open(path: str) -> bool:
    """True when a foreign user gets as far as `path` and may pass through it."""
    try:
        return closed_ancestor(os.path.realpath(path)) is None and stat.S_ISDIR(os.stat(path).st_mode)
    except OSError:
        return False


def _mount(source: str, target: str, kind: str | None, flags: int, data: str | None) -> None:
    encoded = [value.encode() if value is not None else None for value in (source, target, kind, data)]
    result = libc.mount(encoded[0], encoded[1], encoded[2], ctypes.c_ulong(flags), encoded[3])
    checked(result, 'mount on ' + target)
