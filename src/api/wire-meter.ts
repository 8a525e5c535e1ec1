/**
 * Bytes of requests as they are on the wire: what a socket has moved since the request before it on the same socket.
 * Heads are counted, and bodies as they were sent, compressed or not; what was sent ahead counts for who comes next.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Wire, WireBytes } from '../types/operation.js';

export class WireMeter {
  private readonly told = new WeakMap<Socket, WireBytes>();

  /** @param transport the name that calls of its requests come by */
  constructor(private readonly transport: string) {}

  /** For each request, when it comes. */
  open({ socket }: IncomingMessage, response: ServerResponse): Wire {
    let moved: WireBytes | null = null;
    let listener: ((bytes: WireBytes) => void) | null = null;
    response.once('close', () => {
      moved = this.since(socket);
      listener?.(moved);
    });
    let isTaken = false;
    return {
      transport: this.transport,
      onSent: (given) => {
        if (isTaken) return;
        isTaken = true;
        if (moved) given(moved);
        else listener = given;
      },
    };
  }

  private since(socket: Socket): WireBytes {
    const before = this.told.get(socket);
    const now = { received: socket.bytesRead, sent: socket.bytesWritten };
    this.told.set(socket, now);
    return { received: now.received - (before?.received ?? 0), sent: now.sent - (before?.sent ?? 0) };
  }
}
