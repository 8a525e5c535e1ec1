"""
The frozen copy of a kernel, kept beside the checkpoint that was written from it: it has run nothing since and
waits to be woken as the session's kernel, with all that no checkpoint can keep.

It comes from the copy that writes, before that one has touched anything, so that nothing is ever run in it: no
code of the session, no collection of garbage, no handler of a signal. When the writing copy has ended the
zygote is its parent. It ends when the server closes the connection.
"""

from __future__ import annotations

import gc
import os
import random
import signal
from typing import Any

from sojourn_kernel.libc import PR_SET_PDEATHSIG, bare_fork, prctl
from sojourn_kernel.live_fork import Given
from sojourn_kernel.open_files import OpenFiles

SIGNALS = signal.valid_signals()


class Frozen:
    """Made in the writing copy while the kernel still waits. `own` and `unsaid` are those of OpenFiles."""

    def __init__(self, given: Given, random_state: Any, own: set[int], unsaid: set[int]) -> None:
        self.given = given
        self._random_state = random_state
        self._collects = gc.isenabled()
        gc.disable()
        own = own | {given.channel.fileno(), given.supply.fileno(), given.lock}
        self._files = OpenFiles(own, unsaid)
        self._mask: Any = None

    def split_off(self, former: Any) -> int | None:
        """
        In the writing copy: the descriptor for its word that the checkpoint is whole. In the frozen one None,
        when it has been woken. `former` is what the kernel that it comes from has of the zygote.
        """
        heard, said = os.pipe()
        writer = os.getpid()
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        if bare_fork() != 0:  # also where the machine refuses: then nobody hears the word
            os.close(heard)
            signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
            return said
        try:
            os.setsid()
            os.close(said)
            former.supply.close()
            former.mark.close()
            os.close(former.lock)
            # The zygote does not take anybody's word for who this is: the machine tells it who has sent this.
            self.given.supply.sendall(b'.')
            self._wait(heard, writer)
        except BaseException:
            os._exit(0)
        return None

    def _wait(self, heard: int, writer: int) -> None:
        closed = self._files.let_go()
        if os.read(heard, 1) != b'.':
            os._exit(0)
        # The end of the pipe is the end of the writing copy, but for its last moment: an orphan can be woken.
        os.read(heard, 1)
        os.close(heard)
        while os.getppid() == writer:
            os.sched_yield()
        self.given.channel.send({'t': 'frozen', 'closed': closed})
        order = self.given.channel.receive()
        if order is None or order[0].get('op') != 'wake':
            os._exit(0)
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    def put_back(self, workspace: str) -> None:
        """After waking: what the process has beside its memory. Signals come last, when all else is ready."""
        self._files.put_back(workspace)
        random.setstate(self._random_state)
        while signal.sigtimedwait(SIGNALS, 0) is not None:
            pass  # sent to it while it was frozen, and meant for nobody
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        if self._collects:
            gc.enable()
