"""Users of the machine that nobody else is: each session of a server run by root gets a uid of its own.

Uids come from a configured range, in blocks. A zygote claims a block with a lock that the whole machine sees, so that
two servers never hand out the same uid, and whatever still runs under a uid of a free block is a leftover.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import stat
import time
from typing import Callable

BLOCK = 1024
CLAIMS = '/run/sojourn'
# Well within what the server waits for an answer.
RELEASE_WAIT_S = 2.0
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


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
    """(pid, uid) of every process under one of these uids that is more than a number which its parent has not read."""
    found = []
    for name in os.listdir('/proc'):
        if not name.isdigit():
            continue
        try:
            with open('/proc/%s/status' % name, 'rb') as file:
                text = file.read()
            uid = int(text.split(b'\nUid:', 1)[1].split(None, 1)[0])
            ended = text.split(b'\nState:', 1)[1].split(None, 1)[0] in (b'Z', b'X')
        except (OSError, IndexError):
            continue
        if first <= uid <= last and not ended:
            found.append((int(name), uid))
    return found


def end_all(uid: int, reap: Callable[[], None]) -> None:
    """
    Kills every process of a uid, at once and however fast it forks. `reap` waits for those that became children of
    the caller. @raises OSError when some stay.
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


class TooMany(OSError):
    """There is more to be given than was allowed; a part of it has been."""


def give(folder: str, uid: int, first: int, last: int, most: int | None = None) -> None:
    """
    Makes a folder and all that is in it the uid's own, closed to all others. Never follows a link and waits for
    nobody, whatever takes the place of what was just looked at.

    A file with several names may have one outside: it changes hands only when a session owned it before.
    @raises TooMany beyond `most` entries
    """
    top = os.open(folder, FOLDER)
    levels = [(top, iter(os.listdir(top)))]
    count = 0
    try:
        os.fchmod(top, 0o700)
        os.fchown(top, uid, uid)
        while levels:
            inside, names = levels[-1]
            name = next(names, None)
            if name is None:
                os.close(inside)
                levels.pop()
                continue
            count += 1
            if most is not None and count > most:
                raise TooMany('more than %d files' % most)
            deeper = _give_one(name, inside, uid, range(first, last + 1))
            if deeper is not None:
                levels.append((deeper, iter(os.listdir(deeper))))
    finally:
        for inside, _ in levels:
            os.close(inside)


def _give_one(name: str, inside: int, uid: int, range_of_uids: range) -> int | None:
    """The folder, open, if it is one."""
    try:
        found = os.stat(name, dir_fd=inside, follow_symlinks=False)
        is_folder = stat.S_ISDIR(found.st_mode)
        if found.st_uid != uid and (is_folder or found.st_nlink == 1 or found.st_uid in range_of_uids):
            os.chown(name, uid, uid, dir_fd=inside, follow_symlinks=False)
        return os.open(name, FOLDER, dir_fd=inside) if is_folder else None
    except FileNotFoundError:  # removed meanwhile
        return None
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):  # something else took its place
            return None
        raise


def take_back(folder: str, uid: int) -> None:
    """Closes a folder to the uid that had it, if it has it still: who gets the uid next cannot enter."""
    try:
        top = os.open(folder, FOLDER)
    except OSError:  # removed with its session
        return
    try:
        if os.fstat(top).st_uid == uid:
            os.fchown(top, 0, 0)
    finally:
        os.close(top)
