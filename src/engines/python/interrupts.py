"""When a signal may interrupt: in user code, and nowhere else.

SIGINT becomes KeyboardInterrupt, SIGTERM becomes Terminated; both wait while the main thread sends a frame or
holds one of our locks. A signal says nothing of the request that it is meant for and may be seen before or
after the bytes of that request, so the zygote first writes the request's number into a page that both share:
the mark.
"""

from __future__ import annotations

import _signal
import mmap
import os
import signal
import struct
import threading
from typing import Any, Callable, TypeVar

# Without the way through an enum that signal.getsignal takes: this is asked with every request.
getsignal = _signal.getsignal
Result = TypeVar('Result')
# Those that a program can have a handler for.
SIGNALS = sorted(int(number) for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})
# The request that the last signal was meant for, and how many signals there were.
MARK = struct.Struct('=QQ')


class Terminated(BaseException):
    """The run did not yield to an interrupt; its `finally` blocks run, then the kernel ends."""


class Interrupts:
    """A re-entrant shield against signals (`with interrupts:`) and the switch that lets them through."""

    def __init__(self, mark: mmap.mmap) -> None:
        self.running = False
        self.seen = False
        # True while tasks of the session run between two requests.
        self.idle = False
        # The number of the request that is served now.
        self.request = 0
        self._mark = mark
        self._known_count = 0
        self._depth = 0
        self._waiting: type[BaseException] | None = None
        self._quieted: dict[int, Callable[[int, Any], Any]] = {}
        self._main = threading.get_ident()
        self._on_interrupt = self._interrupt
        self._on_terminate = self._terminate

    def install(self) -> None:
        """Puts our handlers back: user code may have set its own."""
        if signal.getsignal(signal.SIGINT) is not self._on_interrupt:
            signal.signal(signal.SIGINT, self._on_interrupt)
        if signal.getsignal(signal.SIGTERM) is not self._on_terminate:
            signal.signal(signal.SIGTERM, self._on_terminate)

    def quieten(self) -> None:
        """While nothing runs, what the session's own handlers raise would be raised into the kernel."""
        while True:
            try:
                return self._quieten()
            except BaseException:  # raised by a handler that was still the session's
                pass

    def _quieten(self) -> None:
        for number in SIGNALS:
            handler = getsignal(number)
            if callable(handler) and handler is not self._on_interrupt and handler is not self._on_terminate:
                self._quieted[number] = handler
                signal.signal(number, self._quiet)

    def rouse(self) -> None:
        """Gives the session its handlers back."""
        while self._quieted:
            number, handler = self._quieted.popitem()
            signal.signal(number, handler)

    def _quiet(self, number: int, frame: Any) -> None:
        try:
            self._quieted[number](number, frame)
        except BaseException:  # there is no run that it could end
            pass

    def guarded(self, work: Callable[[], Result]) -> Result:
        """Runs user code. Whatever it raises comes out, and no interrupt comes after this has returned."""
        try:
            try:
                self.running = True
                # The signal may have been seen before the run had begun.
                if not self.idle and MARK.unpack_from(self._mark)[0] == self.request:
                    self.seen = True
                    raise KeyboardInterrupt
                return work()
            finally:
                self.running = False
        except BaseException:
            # An interrupt may have come between the end of the work and the line that closes the door.
            self.running = False
            raise
        finally:
            self._waiting = None

    def __enter__(self) -> None:
        if threading.get_ident() == self._main:
            self._depth += 1

    def __exit__(self, *details: object) -> None:
        if threading.get_ident() != self._main:
            return
        self._depth -= 1
        if self._depth == 0 and self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            if self.running:
                raise waiting()

    def _interrupt(self, number: int, frame: Any) -> None:
        request, count = MARK.unpack_from(self._mark)
        # A signal that the zygote did not count is the session's own, like os.kill(os.getpid(), SIGINT).
        own = count == self._known_count
        self._known_count = count
        if self.running and (own or self.idle or request == self.request):
            self.seen = not own
            self._raise(KeyboardInterrupt)

    def _terminate(self, number: int, frame: Any) -> None:
        if not self.running:
            os._exit(128 + number)
        self._raise(Terminated)

    def _raise(self, kind: type[BaseException]) -> None:
        if self._depth:
            self._waiting = kind
        else:
            raise kind()

    def move(self, mark: mmap.mmap) -> None:
        """In the kernel of a live fork: signals are counted anew."""
        self._mark = mark
        self._known_count = 0
        self.running = self.seen = False
        self.request = 0
        self.install()

    def after_fork(self) -> None:
        """In a forked child of user code: signals mean what they mean in any Python."""
        self._main = threading.get_ident()
        self._depth = 0
        self._waiting = None
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
