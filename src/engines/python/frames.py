"""The wire between a kernel and its server: frames of JSON with an optional binary tail, both lengths up
front.

A frame is u32 length of the JSON, u32 length of the tail (big endian), the JSON, the tail. Several threads
send; each frame goes out whole.
"""

from __future__ import annotations

import json
import os
import select
import socket
import struct
import threading
from typing import Any, Callable


def _make_encoder() -> Callable[[Any], str]:
    """
    Compact JSON, straight from C: json's own Python code would trip over builtins that user code has broken.
    """
    make = json.encoder.c_make_encoder
    if make is None:
        return json.JSONEncoder(separators=(',', ':'), allow_nan=False).encode

    def refuse(value: Any) -> Any:
        raise TypeError('%s is not JSON' % type(value).__name__)

    encoder = make(None, refuse, json.encoder.encode_basestring_ascii, None, ':', ',', False, False, False)
    return lambda value: ''.join(encoder(value, 0))


to_json = _make_encoder()
from_json = json.JSONDecoder().raw_decode
# As it was before any code of the session.
SELECT = select.select
HEADER = struct.Struct('>II')
# Below this, one copy is cheaper than a second system call.
JOIN_BYTES = 65536


def encode(message: dict[str, Any], tail: bytes = b'') -> bytes:
    """One frame in one piece."""
    text = to_json(message).encode()
    return HEADER.pack(len(text), len(tail)) + text + tail


class Channel:
    """
    A connected socket that carries frames. `lock` is held while a frame is sent; whoever holds it may send.

    It is given as an address to connect to, or as the descriptor of a connection that somebody else has made.
    """

    def __init__(self, connection: str | int) -> None:
        if isinstance(connection, int):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, connection)
        else:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.connect(connection)
        self._buffer = bytearray()
        self._held: list[bytes] = []
        self._returned: list[tuple[dict[str, Any], bytes]] = []
        self.lock = threading.RLock()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, message: dict[str, Any], tail: bytes | memoryview = b'') -> None:
        """Blocks while the server does not read: that is the back-pressure of all output."""
        text = to_json(message).encode()
        self.send_encoded(text, tail)

    def send_encoded(self, text: bytes, tail: bytes | memoryview = b'') -> None:
        head = HEADER.pack(len(text), len(tail)) + text
        with self.lock:
            if self._held:
                head = b''.join(self._held) + head
                self._held.clear()
            if len(tail) <= JOIN_BYTES:
                self._socket.sendall(head + tail)
            else:
                self._socket.sendall(head)
                self._socket.sendall(tail)

    def hold(self, message: dict[str, Any]) -> None:
        """Sends a frame together with the next one, in this order: one system call instead of two."""
        with self.lock:
            self._held.append(encode(message))

    @property
    def descriptor(self) -> int:
        """Of the socket, to wait for what comes."""
        return self._socket.fileno()

    def receive(self) -> tuple[dict[str, Any], bytes] | None:
        """The next frame; None when the other side has closed."""
        while True:
            frame = self.take()
            if frame is not None:
                return frame
            if not self.fill():
                return None

    def put_back(self, frames: list[tuple[dict[str, Any], bytes]]) -> None:
        """Frames that are meant for whoever calls `receive`."""
        self._returned.extend(frames)

    def take(self) -> tuple[dict[str, Any], bytes] | None:
        """A frame that is here already, if one is."""
        if self._returned:
            return self._returned.pop(0)
        end = self._needed()
        if len(self._buffer) < end:
            return None
        text_length, tail_length = HEADER.unpack_from(self._buffer)
        middle = HEADER.size + text_length
        message, _ = from_json(self._buffer[HEADER.size : middle].decode())
        tail = bytes(self._buffer[middle:end]) if tail_length else b''
        del self._buffer[:end]
        return message, tail

    def has_input(self, wait_s: float = 0) -> bool:
        """True when a frame has come, or a part of one, or comes within a time."""
        return bool(self._buffer) or bool(SELECT([self._socket], [], [], wait_s)[0])

    def fill(self) -> bool:
        """Waits for more bytes of the next frame; False when the other side has closed."""
        data = self._socket.recv(max(65536, min(self._needed() - len(self._buffer), 1 << 20)))
        self._buffer += data
        return bool(data)

    def _needed(self) -> int:
        if len(self._buffer) < HEADER.size:
            return HEADER.size
        return HEADER.size + sum(HEADER.unpack_from(self._buffer))

    def move(self, other: Channel) -> None:
        """Goes on over the connection of another channel, which is used up."""
        self._socket = other._socket
        self._buffer = other._buffer
        self._returned = []

    def close(self) -> None:
        self._socket.close()

    def after_fork(self) -> None:
        """In a forked child: the parent goes on with this connection, alone."""
        self.lock = threading.RLock()
        self._held.clear()
        try:
            os.close(self._socket.detach())
        except OSError:
            pass
