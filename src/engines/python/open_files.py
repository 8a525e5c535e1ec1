"""
What a kernel has open, seen from its frozen copy: noted at the moment of the checkpoint, let go of while the
copy waits, and put back when it is woken.

Whatever a copy holds open has not ended for anybody else: a pipe that the session closes would never end for
its reader, a file that it unlocks by closing would stay locked. So the copy opens files anew for itself, and
keeps of pipes and sockets nothing but their numbers.
"""

from __future__ import annotations

import os
import stat
from fcntl import F_GETFL, fcntl
from os import close, dup2, fstat, get_inheritable, lseek, pipe, readlink, set_blocking
from os import open as open_file
from socket import socketpair
from typing import NamedTuple

# Numbers are given out from below: behind so many free ones nothing is looked for.
GAP = 64
STAYS = os.O_ACCMODE | os.O_APPEND | os.O_NONBLOCK


class OpenFile(NamedTuple):
    descriptor: int
    flags: int
    # Where the next byte is read or written.
    place: int
    path: str
    # Device and inode.
    identity: tuple[int, int]


class OpenFiles:
    """`own` are descriptors that are left alone, `unsaid` those that are not counted among the lost ones."""

    def __init__(self, own: set[int], unsaid: set[int]) -> None:
        """Quick, because the session waits: from here on it moves the places in its files."""
        self._unsaid = unsaid
        self._files: list[OpenFile] = []
        self._pipes: dict[tuple[int, int], list[tuple[int, int]]] = {}
        self._sockets: list[int] = []
        try:
            self._folder: str | None = os.getcwd()
        except OSError:  # it is gone
            self._folder = None
        number = missing = 0
        while missing < GAP:
            try:
                found = fstat(number)
                missing = 0
                if number not in own:
                    self._note(number, found)
            except OSError:
                missing += 1
            number += 1

    def _note(self, number: int, found: os.stat_result) -> None:
        identity = (found.st_dev, found.st_ino)
        if stat.S_ISREG(found.st_mode):
            place = lseek(number, 0, os.SEEK_CUR)
            path = readlink('/proc/self/fd/%d' % number)
            self._files.append(OpenFile(number, fcntl(number, F_GETFL) & STAYS, place, path, identity))
        elif stat.S_ISFIFO(found.st_mode):
            self._pipes.setdefault(identity, []).append((number, fcntl(number, F_GETFL)))
        elif stat.S_ISSOCK(found.st_mode):
            self._sockets.append(number)

    def let_go(self) -> int:
        """How many pipes and sockets led somewhere and are closed now."""
        for file in self._files:
            try:
                again = open_file('/proc/self/fd/%d' % file.descriptor, file.flags | os.O_CLOEXEC)
                _replace(file.descriptor, again)
            except OSError:  # it may not be opened again: then it stays shared
                pass
        lost = sum(self._cut_pipe(ends) for ends in self._pipes.values())
        for number in self._sockets:
            here, there = socketpair()
            there.close()
            _replace(number, here.detach())
        return lost + len(set(self._sockets) - self._unsaid)

    def _cut_pipe(self, ends: list[tuple[int, int]]) -> int:
        """One that begins and ends in this process goes on as another one; of any other an end is left."""
        modes = {flags & os.O_ACCMODE for _, flags in ends}
        new_ends = dict(zip((os.O_RDONLY, os.O_WRONLY), pipe()))
        for number, flags in ends:
            replacement = new_ends.get(flags & os.O_ACCMODE, new_ends[os.O_WRONLY])
            dup2(replacement, number, get_inheritable(number))
            set_blocking(number, not flags & os.O_NONBLOCK)
        for replacement in new_ends.values():
            close(replacement)
        return 0 if len(modes) > 1 else len({number for number, _ in ends} - self._unsaid)

    def move(self, old: str, new: str) -> None:
        """Files of one workspace are those of its copy from here on, at the places they were read at."""
        for file in self._files:
            if not file.path.startswith(old + os.sep):
                continue
            try:
                flags = file.flags | os.O_CLOEXEC | os.O_NOFOLLOW
                _replace(file.descriptor, open_file(new + file.path[len(old) :], flags))
                lseek(file.descriptor, file.place, os.SEEK_SET)
            except OSError:  # it had no name any more, or may not be opened: it stays what it was
                pass

    def put_back(self, workspace: str) -> None:
        """The folder, and the places in files; those of the workspace may lie there anew."""
        try:
            os.chdir(self._folder or workspace)
        except OSError:
            os.chdir(workspace)
        for file in self._files:
            try:
                if file.path.startswith(workspace + os.sep) and _identity(file.path) != file.identity:
                    flags = file.flags | os.O_CLOEXEC | os.O_NOFOLLOW
                    _replace(file.descriptor, open_file(file.path, flags))
                lseek(file.descriptor, file.place, os.SEEK_SET)
            except OSError:  # it had no name any more, or may not be opened: it stays what it was
                pass


def _identity(path: str) -> tuple[int, int]:
    found = os.lstat(path)
    return found.st_dev, found.st_ino


def _replace(number: int, replacement: int) -> None:
    dup2(replacement, number, get_inheritable(number))
    close(replacement)
