"""
The zygote's part in a live fork: what the new kernel is handed through its parent, its adoption, and the one change of
the uid that it is allowed.

A fork has the uid of its parent and cannot leave it by itself: a filter asks here for every such change, and all but
the one that was arranged are refused.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
import platform
import signal
import socket
import struct
from typing import Any, Callable, NamedTuple

from sojourn_kernel import processes, syscalls
from sojourn_kernel.accounts import TooMany
from sojourn_kernel.frames import Channel
from sojourn_kernel.sandbox import Sandbox

# _IOWR and sizes of struct seccomp_notif and seccomp_notif_resp, from linux/seccomp.h.
NOTIF_RECV, NOTIF_SEND = 0xC0502100, 0xC0182101
QUESTION = struct.Struct('=QIIiIQ6Q')
ANSWER = struct.Struct('=QqiI')
CONTINUE = 1
HEARING_LIMIT_S = 0.2
# From linux/fcntl.h: no more seals, no shrinking, no growing.
F_ADD_SEALS, SIZE_SEALS = 1033, 1 | 2 | 4
# More files than that are handed over in a process of its own: others wait for the zygote.
ENTRIES_AT_ONCE = 2000


class Kept(NamedTuple):
    """A kernel as the zygote knows it."""

    name: str
    # Shared with the kernel alone: says which request a signal is meant for.
    mark: mmap.mmap
    # Over which the kernel is handed connections.
    supply: socket.socket
    uid: int | None


class Arranged(NamedTuple):
    """A fork that is awaited."""

    parent: int
    mark: mmap.mmap
    supply: socket.socket
    order: dict[str, Any]


class Outfit:
    """What a kernel needs that is not forked by the zygote: a mark and a supply, and their ends that stay here."""

    def __init__(self) -> None:
        self._mark_file = os.memfd_create('sojourn-mark', os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(self._mark_file, mmap.PAGESIZE)
        # Who is handed it could else cut it off, and whoever looks at it then is killed.
        fcntl.fcntl(self._mark_file, F_ADD_SEALS, SIZE_SEALS)
        self.mark = mmap.mmap(self._mark_file, mmap.PAGESIZE)
        keep_back(self.mark)
        self.supply, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self.supply.setblocking(False)

    def hand_to(self, supply: socket.socket, order: dict[str, Any], address: str, lock: int) -> None:
        """With a connection to the server that has said its secret, under a ticket. @raises OSError"""
        try:
            channel = Channel(address)
            try:
                channel.send({'t': 'hello', 'role': 'kernel', 'secret': order['secret']})
                given = [channel.fileno(), self._mark_file, self._theirs.fileno(), lock]
                socket.send_fds(supply, [order['ticket'].encode()], given)
            finally:
                channel.close()
        finally:
            os.close(lock)
            self._theirs.close()
            os.close(self._mark_file)

    def close(self) -> None:
        """What was kept."""
        self.mark.close()
        self.supply.close()


class Forks:
    """`address` finds the server's socket, `share_lock` opens the lock that every kernel holds."""

    def __init__(self, kernels: dict[int, Kept], sandbox: Sandbox, address: Callable[[str], str],
                 share_lock: Callable[[], int]) -> None:
        self._kernels = kernels
        self._sandbox = sandbox
        self._address = address
        self._share_lock = share_lock
        self._arranged: dict[str, Arranged] = {}  # kernel's name -> what it was handed
        self._grants: dict[int, dict[str, Any]] = {}  # pid -> the order that names its uid
        self._changes = {number: name for name, number in _numbers().items()}

    def arrange(self, order: dict[str, Any]) -> None:
        """Hands a kernel what its fork needs: connection, mark, supply and lock. @raises OSError, KeyError"""
        parent = self._kernels[order['pid']]
        outfit = Outfit()
        try:
            if order['temporary'] is not None and not os.path.isdir(order['temporary']):
                os.mkdir(order['temporary'], 0o700)
            if order['uid'] is not None and parent.uid is not None:
                self._sandbox.hand_over(order['workspace'], order['temporary'], parent.uid)
            outfit.hand_to(parent.supply, order, self._address(order['socket']), self._share_lock())
            self._arranged[order['kernel']] = Arranged(order['pid'], outfit.mark, outfit.supply, order)
        except BaseException:
            outfit.close()
            raise

    def adopt(self, order: dict[str, Any]) -> int:
        """
        Takes a fork for a kernel. Its number came from its parent, which may lie: it must be an orphan that came to
        us, and have the parent's uid. @raises OSError, KeyError
        """
        arranged = self._arranged.pop(order['kernel'])
        pid, uid = order['pid'], arranged.order['uid']
        parent_uid = self._kernels[arranged.parent].uid if arranged.parent in self._kernels else None
        above = processes.parent_of(pid)
        if above != os.getpid() or pid in self._kernels or processes.uid_of(pid) != (parent_uid or os.geteuid()):
            arranged.mark.close()
            arranged.supply.close()
            raise OSError('process %d is no fork of that kernel' % pid)
        self._kernels[pid] = Kept(order['kernel'], arranged.mark, arranged.supply, uid)
        if uid is not None:
            self._grants[pid] = arranged.order
        return pid

    def confirm(self, order: dict[str, Any]) -> None:
        """A fork that says it is ready has taken its uid; its own code may have seen to it that it has not.

        @raises OSError, KeyError
        """
        kept = self._kernels[order['pid']]
        if kept.uid is not None and processes.uid_of(order['pid']) != kept.uid:
            processes.kill_quietly(order['pid'])
            raise OSError('process %d did not take its uid' % order['pid'])

    def cancel(self, kernel: str) -> None:
        """A fork that never came."""
        arranged = self._arranged.pop(kernel, None)
        if arranged is not None:
            arranged.mark.close()
            arranged.supply.close()

    def forget(self, pid: int) -> None:
        self._grants.pop(pid, None)

    def answer(self, listener: int) -> None:
        """Decides one change of the uid."""
        question = bytearray(QUESTION.size)
        # Whoever asked may be killed before it is heard: then nothing would end the wait.
        signal.signal(signal.SIGALRM, lambda number, frame: None)
        signal.setitimer(signal.ITIMER_REAL, HEARING_LIMIT_S)
        try:
            fcntl.ioctl(listener, NOTIF_RECV, question)
        except OSError:
            return
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
        number, pid, _, call, _, _, *arguments = QUESTION.unpack(question)
        change = self._changes.get(call)
        grant = self._allowed(pid, change, arguments[:3])
        if grant is None or change != 'setresuid':
            return reply(listener, number, grant is not None)
        del self._grants[pid]
        try:
            self._hand_over(grant, ENTRIES_AT_ONCE)
        except TooMany:
            self._hand_over_apart(grant, listener, number)
        except OSError:
            reply(listener, number, False)
        else:
            reply(listener, number, True)

    def _allowed(self, pid: int, change: str | None, ids: list[int]) -> dict[str, Any] | None:
        """A thread changes its uid alone: another one of the process would keep the uid that somebody gets next."""
        grant = self._grants.get(pid)
        if grant is None or change is None or any(value != grant['uid'] for value in ids):
            return None
        return grant if processes.thread_count(pid) == 1 else None

    def _hand_over(self, grant: dict[str, Any], most: int | None) -> None:
        self._sandbox.hand_over(grant['workspace'], grant['temporary'], grant['uid'], most)

    def _hand_over_apart(self, grant: dict[str, Any], listener: int, number: int) -> None:
        try:
            helper = os.fork()
        except OSError:
            return reply(listener, number, False)
        if helper == 0:
            try:
                self._hand_over(grant, None)
                reply(listener, number, True)
            except OSError:
                reply(listener, number, False)
            finally:
                os._exit(0)


def reply(listener: int, number: int, allowed: bool) -> None:
    answer = ANSWER.pack(number, 0, 0 if allowed else -errno.EPERM, CONTINUE if allowed else 0)
    try:
        fcntl.ioctl(listener, NOTIF_SEND, bytearray(answer))
    except OSError:  # whoever asked is gone
        pass


def keep_back(mark: mmap.mmap) -> None:
    """From here on, no kernel that is forked gets it: it is another one's."""
    if hasattr(mmap, 'MADV_DONTFORK'):
        mark.madvise(mmap.MADV_DONTFORK)


def _numbers() -> dict[str, int]:
    if platform.machine() not in syscalls.MACHINES:
        return {}
    known = syscalls.numbers(platform.machine())
    return {name: known[name] for name in ('setresgid', 'setresuid')}
