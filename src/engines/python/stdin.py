"""Where code asks for input: `input()`, `getpass.getpass()` and `sys.stdin`.

The question goes to the server behind all output, and the main thread waits for the answer on the kernel's
connection, where an interrupt reaches it. Nobody can be asked from another thread, from a forked process,
between runs, or in a run that allows no input.
"""

from __future__ import annotations

import builtins
import getpass as getpass_module
import io
import os
import select
import sys
import threading
from typing import Any

from sojourn_kernel.frames import Channel
from sojourn_kernel.interrupts import Interrupts
from sojourn_kernel.output import Output

PROMPT_CHARACTERS = 65536
BUILTIN_INPUT = builtins.input
POLL = select.poll
POLLIN = select.POLLIN


class Console:
    """The one who is asked. `with console:` around a run whose questions are answered."""

    def __init__(self, channel: Channel, output: Output, interrupts: Interrupts) -> None:
        self._channel = channel
        self._output = output
        self._interrupts = interrupts
        self._running = False
        self._allowed = False
        self._count = 0
        self._main = threading.get_ident()
        self._pid = os.getpid()
        self.stream = InputStream(self)

    def install(self) -> None:
        """Once, before the session's builtins are remembered. What user code puts in their place stays."""
        home.console = self
        builtins.input = input  # type: ignore[assignment]
        getpass_module.getpass = getpass  # type: ignore[assignment]
        sys.stdin = self.stream  # type: ignore[assignment]

    def move(self) -> None:
        """In the kernel of a live fork: its own main thread is the one that is answered."""
        self._main = threading.get_ident()
        self._pid = os.getpid()

    def repair(self) -> None:
        """Before a run: there is a stdin. One of the session's own may be meant."""
        try:
            usable = sys.stdin is not None and not sys.stdin.closed
        except BaseException:  # the session's own object
            usable = False
        if not usable:
            sys.stdin = self.stream  # type: ignore[assignment]

    def allow(self, allowed: bool) -> Console:
        self._allowed = allowed
        return self

    def __enter__(self) -> None:
        self._running = True
        self.stream.forget()

    def __exit__(self, *details: object) -> None:
        self._running = False

    def refusal(self) -> str | None:
        """Why nobody can be asked now, if so."""
        if os.getpid() != self._pid:
            return 'input() has no answer in a process that the session started'
        if threading.get_ident() != self._main:
            return 'input() is answered only in the main thread of a run'
        if not self._running:
            return 'input() is answered only during a run'
        if not self._allowed:
            return 'input() has no answer: this run was started without input'
        return None

    def ask(self, prompt: str, password: bool) -> str | None:
        """The answer, without the end of the line; None at the end of input."""
        self._count += 1
        question = {
            't': 'input_request',
            'id': self._count,
            'prompt': prompt[:PROMPT_CHARACTERS].encode('utf-8', 'replace').decode(),
            'password': password,
        }
        self._output.show(question)
        poll = POLL()
        poll.register(self._channel.descriptor, POLLIN)
        others: list[Any] = []
        try:
            while True:
                # An interrupt may come while nothing is under way, and never between two parts of a frame.
                with self._interrupts:
                    frame = self._channel.take()
                if frame is None:
                    poll.poll()
                    with self._interrupts:
                        if not self._channel.fill():
                            os._exit(0)
                elif frame[0]['op'] != 'input_reply':
                    others.append(frame)
                elif frame[0]['id'] == self._count:  # one for an earlier question came too late
                    return frame[0]['value']
        finally:
            self._channel.put_back(others)


class Home:
    """Where the functions below find the console: they are stored by name in checkpoints."""

    console: Console | None = None


home = Home()


def ask(prompt: object, password: bool) -> str:
    console = home.console
    text = str(prompt)
    reason = 'there is no session' if console is None else console.refusal()
    if reason is not None or console is None:
        raise EOFError(reason)
    answer = console.ask(text, password)
    if answer is None:
        raise EOFError('the end of input was given')
    return answer


def input(prompt: object = '', /) -> str:  # noqa: A001
    """Asks the user of the session for a line of text."""
    if home.console is None or sys.stdin is not home.console.stream:
        return BUILTIN_INPUT(prompt)
    return ask(prompt, False)


def getpass(prompt: str = 'Password: ', stream: Any = None, **options: Any) -> str:
    """Asks for a text that is shown and kept nowhere."""
    return ask(prompt, True)


# As Python's own are: a variable that holds one of them is stored by this name.
input.__module__ = 'builtins'
getpass.__module__ = 'getpass'


class InputStream(io.TextIOBase):
    """`sys.stdin`: every line is asked for; where nobody can be asked it is at its end."""

    encoding = 'utf-8'
    errors = 'strict'
    name = '<stdin>'
    mode = 'r'

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rest = ''
        self.buffer = InputBytes(self)

    def forget(self) -> None:
        """What an earlier run left unread."""
        self._rest = ''
        self.buffer.rest = b''

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0

    def readline(self, size: int | None = -1) -> str:  # type: ignore[override]
        if not self._rest:
            answer = None if self._console.refusal() else self._console.ask('', False)
            if answer is None:
                return ''
            self._rest = answer + '\n'
        end = self._rest.index('\n') + 1
        if size is not None and 0 <= size < end:
            end = size
        line, self._rest = self._rest[:end], self._rest[end:]
        return line

    def read(self, size: int | None = -1) -> str:  # type: ignore[override]
        """All lines up to the end of input; with a size what one line gives of it."""
        if size is not None and size >= 0:
            return self.readline(size)
        lines = []
        while True:
            line = self.readline()
            if not line:
                return ''.join(lines)
            lines.append(line)

    def close(self) -> None:
        """Stays open: later runs read here too."""


class InputBytes(io.RawIOBase):
    """`sys.stdin.buffer`."""

    def __init__(self, stream: InputStream) -> None:
        self._stream = stream
        self.rest = b''

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 0

    def readinto(self, target: Any) -> int:
        if not self.rest:
            self.rest = self._stream.readline().encode('utf-8', 'surrogateescape')
        view = memoryview(target).cast('B')
        count = min(len(view), len(self.rest))
        view[:count] = self.rest[:count]
        self.rest = self.rest[count:]
        return count

    def close(self) -> None:
        """Stays open: later runs read here too."""
