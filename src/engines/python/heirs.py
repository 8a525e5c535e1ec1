"""
The zygote's part in frozen copies of kernels: each is an heir of its kernel, known from the moment of its fork,
spared when the kernel and what it left are killed, and taken for a kernel when it is woken.

Who an heir is, nobody has to be believed: the machine names the process that spoke on the supply, which only
the kernel was handed.
"""

from __future__ import annotations

import os
import select
import socket
import struct
from typing import Any, Callable

from sojourn_kernel import processes
from sojourn_kernel.forks import Kept, Outfit

# struct ucred of unix(7): pid, uid, gid.
CREDENTIALS = struct.Struct('=iII')
FROZEN_SCORE = 1000


class Heir:
    """One that was arranged; `pid` once it has spoken."""

    def __init__(self, kernel: Kept, outfit: Outfit) -> None:
        self.kernel = kernel
        self.outfit = outfit
        self.pid = 0
        self.started = -1

    def is_alive(self) -> bool:
        """False also when its number belongs to another process by now."""
        return self.pid != 0 and processes.started(self.pid) == self.started


class Heirs:
    """`address` and `share_lock` are those of Forks."""

    def __init__(self, kernels: dict[int, Kept], poll: select.poll, address: Callable[[str], str],
                 share_lock: Callable[[], int]) -> None:
        self._kernels = kernels
        self._poll = poll
        self._address = address
        self._share_lock = share_lock
        self._heirs: dict[str, Heir] = {}
        self.unheard: dict[int, str] = {}  # descriptor of a supply -> the heir that is to speak on it

    def bear(self, order: dict[str, Any]) -> None:
        """Hands a kernel what a frozen copy of it needs. @raises OSError, KeyError"""
        if not hasattr(socket, 'SO_PASSCRED'):
            raise OSError('this machine does not tell who speaks')
        kernel = self._kernels[order['pid']]
        outfit = Outfit()
        try:
            outfit.supply.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            outfit.hand_to(kernel.supply, order, self._address(order['socket']), self._share_lock())
        except BaseException:
            outfit.close()
            raise
        self._heirs[order['heir']] = Heir(kernel, outfit)
        self.unheard[outfit.supply.fileno()] = order['heir']
        self._poll.register(outfit.supply, select.POLLIN)

    def hear(self, supply: int) -> None:
        """An heir speaks, or its kernel has made none."""
        heir = self._heirs[self.unheard[supply]]
        try:
            data, ancillary, _, _ = heir.outfit.supply.recvmsg(16, socket.CMSG_SPACE(CREDENTIALS.size))
        except BlockingIOError:  # the number meant another descriptor when the round of events began
            return
        except OSError:
            data, ancillary = b'', []
        name = self.unheard.pop(supply)
        self._poll.unregister(supply)
        heir.outfit.supply.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        for level, kind, packed in ancillary:
            if data and (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                pid = CREDENTIALS.unpack(packed)[0]
                taken = pid in self._kernels or pid == os.getpid() or pid in self.spared()
                if not taken and processes.uid_of(pid) == (heir.kernel.uid or os.geteuid()):
                    heir.pid, heir.started = pid, processes.started(pid)
                    prefer_to_kill(pid, FROZEN_SCORE)
                    return
        self._forget(name)

    def find(self, order: dict[str, Any]) -> int:
        """The process of an heir. @raises KeyError when there is none"""
        heir = self._heirs[order['heir']]
        supply = heir.outfit.supply.fileno()
        if supply in self.unheard:  # the server may have heard of it before us
            self.hear(supply)
        if not heir.is_alive():
            raise KeyError('it has ended')
        return heir.pid

    def wake(self, order: dict[str, Any]) -> int:
        """
        Takes an heir for a kernel, when the one that it comes from is gone. @raises OSError, KeyError
        """
        heir = self._heirs[order['heir']]
        if not heir.is_alive() or processes.parent_of(heir.pid) != os.getpid():
            raise OSError('it is not there')
        shared = shared_memory(heir.pid, order['workspace'])
        if shared is not None:
            raise OSError('%s has changed since' % shared)
        del self._heirs[order['heir']]
        kernel, outfit = heir.kernel, heir.outfit
        prefer_to_kill(heir.pid, processes.KERNEL_SCORE)
        self._kernels[heir.pid] = Kept(kernel.name, outfit.mark, outfit.supply, kernel.uid)
        return heir.pid

    def drop(self, order: dict[str, Any]) -> None:
        heir = self._heirs.get(order['heir'])
        if heir is None:
            return
        if heir.is_alive():
            processes.kill_quietly(heir.pid)
        self._forget(order['heir'])

    def ended(self, pid: int) -> None:
        """A process that was no kernel has ended."""
        for name, heir in list(self._heirs.items()):
            if heir.pid == pid:
                self._forget(name)

    def spared(self) -> set[int]:
        """Processes that outlive their kernel."""
        return {heir.pid for heir in self._heirs.values()}

    def _forget(self, name: str) -> None:
        outfit = self._heirs.pop(name).outfit
        if self.unheard.pop(outfit.supply.fileno(), None) is not None:
            self._poll.unregister(outfit.supply)
        outfit.close()


def prefer_to_kill(pid: int, score: int) -> None:
    """Short of memory, the machine takes what is frozen before any kernel."""
    try:
        with open('/proc/%d/oom_score_adj' % pid, 'w') as file:
            file.write('%d' % score)
    except OSError:  # it is not ours to say
        pass


def shared_memory(pid: int, workspace: str) -> str | None:
    """
    What a frozen copy does not have as it was, because others could write to it: memory that is shared, and
    mapped files of the workspace. None when there is no such thing.
    """
    try:
        with open('/proc/%d/maps' % pid) as file:
            for line in file:
                fields = line.rstrip('\n').split(None, 5)
                path = fields[5] if len(fields) == 6 else ''
                if fields[1][3] != 's' or path.startswith('/memfd:sojourn-mark'):
                    continue
                if 'w' in fields[1] or path.startswith(os.path.realpath(workspace) + os.sep):
                    return path or 'shared memory'
    except (OSError, UnicodeDecodeError):
        return 'its memory'
    return None
