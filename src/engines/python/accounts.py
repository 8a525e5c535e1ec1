"""Users of the machine that nobody else is: each session of a server run by root gets a uid of its own.

Uids come from a configured range, in blocks. A zygote claims a block with a lock that the whole machine sees, so that
two servers never hand out the same uid, and whatever still runs under a uid of a free block is a leftover.
"""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import time
from typing import Callable

BLOCK = 1024
CLAIMS = '/run/sojourn'
RELEASE_WAIT_S = 5.0


def claim(first: int, last: int) -> tuple[int, int, int]:
    """Takes a free block: (first uid, last uid, descriptor of its lock). @raises OSError when none is free."""
    os.makedirs(CLAIMS, mode=0o700, exist_ok=True)
    if os.stat(CLAIMS).st_uid != 0:
        raise OSError('%s does not belong to root' % CLAIMS)
    for start in range(first, last + 1, BLOCK):
        path = '%s/uids-%d' % (CLAIMS, start)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return start, min(start + BLOCK - 1, last), descriptor
        except OSError:
            os.close(descriptor)
    raise OSError('every uid from %d to %d is taken by another server' % (first, last))


def running(first: int, last: int) -> list[tuple[int, int]]:
    """(pid, uid) of every process under one of these uids."""
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open('/proc/%s/status' % name, 'rb') as file:
                uid = int(file.read().split(b'\nUid:', 1)[1].split(None, 1)[0])
        except (OSError, IndexError):
            continue
        if first <= uid <= last:
            found.append((int(name), uid))
    return found


def end_all(uid: int, reap: Callable[[], None]) -> None:
    """Kills every process of a uid, at once and however fast it forks. @raises OSError when some stay.

    `reap` waits for orphans that became children of the caller: they count as running until then.
    """
    deadline = time.monotonic() + RELEASE_WAIT_S
    while running(uid, uid):
        if time.monotonic() > deadline:
            raise OSError('processes of uid %d do not end' % uid)
        _kill_once(uid)
        reap()


def _kill_once(uid: int) -> None:
    """One signal to all at the same moment: what forks fast cannot run ahead of it."""
    helper = os.fork()
    if helper == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.kill(-1, signal.SIGKILL)
        finally:
            os._exit(0)
    os.waitpid(helper, 0)


def end_leftovers(first: int, last: int) -> None:
    """What a zygote that was killed left behind under the uids of a block."""
    for uid in sorted({uid for _, uid in running(first, last)}):
        end_all(uid, lambda: None)


def give(folder: str, uid: int, first: int, last: int) -> None:
    """Makes a folder and all that is in it the uid's own, closed to all others. Never follows a link.

    A file with several names may have one outside: it changes hands only when a session owned it before.
    """
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fchmod(top, 0o700)
        os.fchown(top, uid, uid)
        for _, folders, files, inside in os.fwalk('.', dir_fd=top, follow_symlinks=False):
            for name in folders + files:
                found = os.stat(name, dir_fd=inside, follow_symlinks=False)
                ours = stat.S_ISDIR(found.st_mode) or found.st_nlink == 1 or first <= found.st_uid <= last
                if found.st_uid != uid and ours:
                    os.chown(name, uid, uid, dir_fd=inside, follow_symlinks=False)
    finally:
        os.close(top)


def take_back(folder: str, uid: int) -> None:
    """Closes a folder to the uid that had it, if it has it still: who gets the uid next cannot enter."""
    try:
        top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:  # removed with its session
        return
    try:
        if os.fstat(top).st_uid == uid:
            os.fchown(top, 0, 0)
    finally:
        os.close(top)
