"""What a kernel that is locked in cannot open itself: the zygote hands it descriptors, each set under a ticket."""

from __future__ import annotations

import os
import socket
import struct

WAIT_S = 10.0


def take_descriptors(supply: socket.socket, ticket: str, count: int) -> list[int]:
    """
    The descriptors that came under this ticket; any other ones were meant for a process that never came.
    @raises OSError
    """
    wanted = ticket.encode()
    supply.settimeout(WAIT_S)
    while True:
        # socket.recv_fds() would call builtins that user code may have broken.
        data, ancillary, _, _ = supply.recvmsg(len(wanted), socket.CMSG_LEN(4 * 8))
        found: list[int] = []
        for _, _, packed in ancillary:
            found += struct.unpack('=%di' % (len(packed) // 4), packed[: len(packed) // 4 * 4])
        if data == wanted and len(found) == count:
            return found
        for descriptor in found:
            os.close(descriptor)
        if not data:
            raise OSError('the zygote hands in no descriptors any more')
