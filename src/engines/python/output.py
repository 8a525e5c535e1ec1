"""Everything a run shows, in the order in which it happened.

Python's streams send a frame from the thread that writes. Descriptors 1 and 2 are pipes, read by a pump
thread, so that C code and subprocesses are heard too; whoever sends text first sends what the pipes hold, so
that the order stays true.
"""

from __future__ import annotations

import codecs
import fcntl
import io
import os
import select
import signal
import struct
import termios
import threading
from typing import Any

from sojourn_kernel.frames import Channel
from sojourn_kernel.interrupts import Interrupts

PENDING_CHARACTERS = 8192
PIECE_CHARACTERS = 65536
# How long text without a newline may wait for more, in seconds.
FLUSH_AFTER_S = 0.03
STREAMS = {'stdout': 1, 'stderr': 2}
HEADS = {name: ('{"t":"%s"}' % name).encode() for name in STREAMS}


class Pipe:
    """The reading end of what replaced descriptor 1 or 2."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.reader, writer = os.pipe()
        os.set_blocking(self.reader, False)
        os.dup2(writer, STREAMS[name])
        # Kept open, so that the pipe never ends, whatever user code closes.
        self._writer = writer
        self._decoder = codecs.getincrementaldecoder('utf-8')('replace')

    def repair(self) -> None:
        """Puts the descriptor back where user code has closed it; one that leads elsewhere may be meant."""
        try:
            os.fstat(STREAMS[self.name])
        except OSError:
            self.connect()

    def connect(self) -> None:
        os.dup2(self._writer, STREAMS[self.name])

    def close(self) -> None:
        os.close(self.reader)
        os.close(self._writer)

    def waiting(self) -> int:
        """Bytes that can be read now."""
        return struct.unpack('i', fcntl.ioctl(self.reader, termios.FIONREAD, b'\0\0\0\0'))[0]

    def read(self, size: int) -> str:
        try:
            return self._decoder.decode(os.read(self.reader, size))
        except BlockingIOError:
            return ''

    def rest(self) -> str:
        """What an unfinished character at the end of a run stands for."""
        return self._decoder.decode(b'', final=True)


class Output:
    """Sends text and displays. `lock` is the channel's: it orders all senders."""

    def __init__(self, channel: Channel, interrupts: Interrupts) -> None:
        self._channel = channel
        self._interrupts = interrupts
        self._pending: list[str] = []
        self._pending_size = 0
        self._pending_stream = 'stdout'
        self._ticking = False
        self._pid = os.getpid()

    def start(self) -> None:
        """Takes over descriptors 1 and 2 and starts the pump."""
        self._pipes = [Pipe(name) for name in STREAMS]
        self._wake_reader, self._wake_writer = os.pipe()
        self._poll = select.poll()
        for pipe in self._pipes:
            self._poll.register(pipe.reader, select.POLLIN)
        threading.Thread(target=self._pump, name='sojourn-output', daemon=True).start()

    def restart(self) -> None:
        """In the kernel of a live fork: pipes and a pump of its own."""
        for pipe in self._pipes:
            pipe.close()
        os.close(self._wake_reader)
        os.close(self._wake_writer)
        self._pid = os.getpid()
        self._ticking = False
        self.start()

    def repair(self) -> None:
        """Before a run: descriptors 1 and 2 are there."""
        for pipe in self._pipes:
            pipe.repair()

    def write(self, stream: str, text: str) -> None:
        """Text of one of Python's streams: sent at a newline, in larger pieces, or a moment later."""
        if os.getpid() != self._pid:
            return self._write_in_child(stream, text)
        with self._interrupts, self._channel.lock:
            if self._poll.poll(0):
                self._send_pending()
                self._drain()
            if self._pending and self._pending_stream != stream:
                self._send_pending()
            self._pending_stream = stream
            self._pending.append(text)
            self._pending_size += len(text)
            if '\n' in text or self._pending_size >= PENDING_CHARACTERS or not self._interrupts.running:
                self._send_pending()
            elif not self._ticking:
                self._ticking = True
                os.write(self._wake_writer, b'.')

    def flush(self) -> None:
        if os.getpid() != self._pid:
            return
        with self._interrupts, self._channel.lock:
            self._send_pending()
            self._drain()

    def show(self, message: dict[str, Any], hold: bool = False) -> None:
        """
        A display or result frame, after all that was written before it. A forked child has nobody to show it
        to.
        """
        if os.getpid() != self._pid:
            return
        with self._interrupts, self._channel.lock:
            self._send_pending()
            self._drain()
            if hold:
                self._channel.hold(message)
            else:
                self._channel.send(message)

    def finish(self) -> None:
        """The end of a run: nothing written before it comes after it."""
        with self._interrupts, self._channel.lock:
            self._send_pending()
            if self._poll.poll(0):
                self._drain()
                for pipe in self._pipes:
                    self._send_text(pipe.name, pipe.rest())
            self._ticking = False

    def give_to_child(self) -> None:
        """In a forked child: its descriptors 1 and 2 lead here, whatever user code made of the session's."""
        for pipe in self._pipes:
            pipe.connect()

    def _send_pending(self) -> None:
        if self._pending:
            text = ''.join(self._pending)
            self._pending.clear()
            self._pending_size = 0
            self._send_text(self._pending_stream, text)

    def _drain(self) -> None:
        for pipe in self._pipes:
            # Only what is there now: a subprocess that never stops writing must not hold us here.
            left = pipe.waiting()
            while left > 0:
                self._send_text(pipe.name, pipe.read(min(left, 65536)))
                left -= 65536

    def _send_text(self, stream: str, text: str) -> None:
        # In pieces: one frame of a hundred megabytes would stop everybody on the other side.
        for start in range(0, len(text), PIECE_CHARACTERS):
            piece = text[start : start + PIECE_CHARACTERS]
            self._channel.send_encoded(HEADS[stream], piece.encode('utf-8', 'replace'))

    def _pump(self) -> None:
        # Signals are the main thread's.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
        poll = select.poll()
        poll.register(self._wake_reader, select.POLLIN)
        for pipe in self._pipes:
            poll.register(pipe.reader, select.POLLIN)
        while True:
            ready = poll.poll(FLUSH_AFTER_S * 1000 if self._ticking else None)
            try:
                if any(descriptor == self._wake_reader for descriptor, _ in ready):
                    os.read(self._wake_reader, 64)
                    if len(ready) == 1:
                        continue  # more of the same line may follow at once; look again a moment later
                with self._channel.lock:
                    self._send_pending()
                    self._drain()
            except OSError:
                return  # the server is gone, and so will be this process

    def _write_in_child(self, stream: str, text: str) -> None:
        data = text.encode('utf-8', 'replace')
        while data:
            data = data[os.write(STREAMS[stream], data) :]

    def after_fork(self) -> None:
        """In a forked child there is no pump and no channel; text goes through the pipes to the parent."""
        self._pending.clear()
        self._pending_size = 0


class ByteStream(io.RawIOBase):
    """`sys.stdout.buffer`: bytes go to the descriptor, behind the text that was written before."""

    def __init__(self, output: Output, stream: str) -> None:
        self._output = output
        self._descriptor = STREAMS[stream]
        self.name = '<%s>' % stream
        self.mode = 'wb'

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def write(self, data: Any) -> int:
        self._output.flush()
        view = memoryview(data).cast('B')
        sent = 0
        while sent < len(view):
            sent += os.write(self._descriptor, view[sent:])
        return sent

    def close(self) -> None:
        """Stays open: the descriptor belongs to the kernel."""


class TextStream(io.TextIOBase):
    """`sys.stdout` or `sys.stderr` of a session."""

    encoding = 'utf-8'
    errors = 'replace'
    line_buffering = True

    def __init__(self, output: Output, stream: str) -> None:
        self._output = output
        self._stream = stream
        self.name = '<%s>' % stream
        self.mode = 'w'
        self.buffer = ByteStream(output, stream)

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return STREAMS[self._stream]

    def write(self, text: str) -> int:
        if not isinstance(text, str):
            raise TypeError('write() argument must be str, not %s' % type(text).__name__)
        if text:
            self._output.write(self._stream, text)
        return len(text)

    def flush(self) -> None:
        self._output.flush()

    def reconfigure(self, **options: object) -> None:
        """Accepted and without effect: the encoding of a session is UTF-8."""

    def close(self) -> None:
        """Stays open: later runs write here too."""
