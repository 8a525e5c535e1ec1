"""
A live fork: the kernel forks, and the child goes on as the kernel of another session, with the whole heap.

The child is an orphan at once, so that the zygote becomes its parent. It waits to be adopted, copies the workspace,
takes the uid that was arranged for it, and from then on has nothing in common with the kernel it came from but what
user code had opened.
"""

from __future__ import annotations

import mmap
import os
import shutil
import signal
import socket
import stat
import sys
import threading
import warnings
from typing import Any, NamedTuple

from sojourn_kernel.frames import Channel
from sojourn_kernel.libc import PR_SET_PDEATHSIG, prctl
from sojourn_kernel.supply import take_descriptors

# As they were before any code of the session.
FORK = os.fork
ENUMERATE = threading.enumerate
# What a fork may wait for its adoption, in seconds.
ADOPTION_WAIT_S = 10.0


class ForkFailed(Exception):
    """The child could not become a kernel; said to the server, after which it ends."""


class Given(NamedTuple):
    """What the zygote hands to a fork through its parent."""

    channel: Channel
    mark: mmap.mmap
    supply: socket.socket
    lock: int

    def close(self) -> None:
        """In the one that only passes it on."""
        self.channel.close()
        self.supply.close()
        self.mark.close()
        os.close(self.lock)


def take(supply: socket.socket, ticket: str) -> Given:
    connection, mark, theirs, lock = take_descriptors(supply, ticket, 4)
    page = mmap.mmap(mark, mmap.PAGESIZE)
    os.close(mark)
    return Given(Channel(connection), page, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, theirs), lock)


def fork_orphan() -> tuple[int, int]:
    """
    (pid, 0) in the parent; (0, descriptor that ends when the zygote has become the parent) in the child. Its threads
    stay behind.
    """
    reader, writer = os.pipe()
    alive_reader, alive_writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # other threads stay behind, and the answer says so
        middle = FORK()
    if middle == 0:
        try:
            child = FORK()
        except OSError:
            os._exit(1)
        if child == 0:
            os.close(reader)
            os.close(writer)
            os.close(alive_writer)
            return 0, alive_reader
        os.write(writer, b'%d' % child)
        os._exit(0)
    os.close(writer)
    os.close(alive_reader)
    os.close(alive_writer)
    try:
        number = os.read(reader, 16)
        os.waitpid(middle, 0)
    finally:
        os.close(reader)
    if not number:
        raise OSError('the machine refuses another process')
    return int(number), 0


def settle(request: dict[str, Any], given: Given, orphaned: int, old_workspace: str) -> None:
    """In the child: waits for its adoption, then moves into its own folders and its own uid. @raises ForkFailed"""
    os.setsid()
    os.read(orphaned, 1)
    os.close(orphaned)
    adopted = given.channel.receive()
    if adopted is None:
        os._exit(0)
    folder = _folder_inside(old_workspace)
    try:
        copy_tree(old_workspace, request['workspace'])
        os.chdir(os.path.join(request['workspace'], folder))
    except OSError as error:
        raise ForkFailed('the workspace could not be copied: %s' % error) from error
    if request['uid'] is not None:
        take_uid(request['uid'])
    # The change of the uid takes this back, so it comes after it.
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for name, value in request['environment'].items():
        os.environ[name] = value
    if request['temporary'] is not None and 'tempfile' in sys.modules:
        sys.modules['tempfile'].tempdir = None  # type: ignore[attr-defined]


def move_path(path: list[str], old: str, new: str) -> None:
    """Entries inside the old workspace lead into the new one."""
    for place, entry in enumerate(path):
        if isinstance(entry, str) and (entry == old or entry.startswith(old + os.sep)):
            path[place] = new + entry[len(old) :]


def take_uid(uid: int) -> None:
    try:
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
    except OSError as error:
        raise ForkFailed('it could not take a uid of its own: %s' % error) from error


def _folder_inside(workspace: str) -> str:
    try:
        folder = os.path.relpath(os.getcwd(), workspace)
    except OSError:  # the folder is gone
        return '.'
    return '.' if folder.startswith('..') else folder


def copy_tree(source: str, target: str) -> None:
    """Folders, files and links, with modes and times; what is neither, such as a socket, stays behind."""
    for entry in os.scandir(source):
        into = os.path.join(target, entry.name)
        mode = entry.stat(follow_symlinks=False).st_mode
        if stat.S_ISLNK(mode):
            os.symlink(os.readlink(entry.path), into)
        elif stat.S_ISDIR(mode):
            os.mkdir(into, 0o700)
            copy_tree(entry.path, into)
            shutil.copystat(entry.path, into, follow_symlinks=False)
        elif stat.S_ISREG(mode):
            shutil.copyfile(entry.path, into, follow_symlinks=False)
            shutil.copystat(entry.path, into, follow_symlinks=False)


def threads_left_behind(main: threading.Thread) -> list[str]:
    """Names of the user's threads, which a fork does not have."""
    names = []
    for thread in ENUMERATE():
        try:
            name = str(thread.name)[:200]
        except Exception:  # the user's own kind of thread
            name = 'a thread'
        if thread is not main and name != 'sojourn-output':
            names.append(name)
    return names[:1000]
