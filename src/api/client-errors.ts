/**
 * Requests that are no HTTP, or take too long. Whoever sends a request slowly, to hold a connection, is cut off;
 * whoever sends a long body is not, for as long as something comes.
 */
import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';

const statusLines: Readonly<Record<string, string>> = {
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Payload Too Large',
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
};

interface RequestLike {
  readonly socket: object;
}

/** The connections whose present request may take as long as it needs. */
export class LongRequests {
  private readonly sockets = new WeakSet<object>();

  /** Until `request` has been read to its end, or given up. */
  add({ socket }: RequestLike): void {
    this.sockets.add(socket);
  }

  remove({ socket }: RequestLike): void {
    this.sockets.delete(socket);
  }

  /** Answers what the server itself finds wrong with a connection. */
  watch(server: Server): void {
    server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
      const code = error.code ?? '';
      if (code === 'ERR_HTTP_REQUEST_TIMEOUT' && this.sockets.has(socket)) return;
      if (!socket.writable || code === 'ECONNRESET') {
        socket.destroy();
        return;
      }
      const line = statusLines[code] ?? '400 Bad Request';
      socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\n\r\n`, () => socket.destroy());
    });
  }
}
