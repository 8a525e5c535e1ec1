/** Ports of their own for dialects: for clients that know a host and a port, and no path. */
import { createServer } from 'node:http';
import type { RequestListener, Server } from 'node:http';
import { SojournError } from '../../types/errors.js';

export interface Listener {
  readonly port: number;
  /** The mount that is its root: /compat/NAME. */
  readonly mount: string;
}

/** `8000=/compat/lynguine` · @throws invalid_params for a port or a mount that there is not */
export function parseListener(text: string, mounts: readonly string[]): Listener {
  const [port = '', mount = ''] = text.split('=', 2);
  if (Number(port) > 65_535) throw invalid(text, 'a port is at most 65535');
  if (!mounts.includes(mount)) throw invalid(text, `there is no ${mount}; there is: ${mounts.join(', ')}`);
  return { port: Number(port), mount };
}

const invalid = (text: string, why: string) =>
  new SojournError('invalid_params', `listen: '${text}' cannot be served: ${why}.`, { setting: 'listen' });

/** A server that answers as if every address began with the mount. */
export function listenerServer({ mount }: Listener, serve: RequestListener, options: object): Server {
  const server = createServer(options);
  server.on('request', (request, response) => {
    const { url = '/' } = request;
    request.url = url.startsWith('/') ? mount + url : `${mount}/${url}`;
    serve(request, response);
  });
  return server;
}
