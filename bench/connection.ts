/** Keep-alive connections to a server and nothing else: what is measured is the server. */
import { Agent, request } from 'node:http';
import type { Socket } from 'node:net';
import type { BenchServer } from './server.js';

export function connection(server: BenchServer, sockets = 1) {
  const agent = new Agent({ keepAlive: true, maxSockets: sockets });
  const headers = { Authorization: `Bearer ${server.token}`, 'Content-Type': 'application/json' };
  const used = new Set<Socket>();
  const ask = (method: string, path: string, body?: object) =>
    new Promise<string>((resolve, reject) => {
      const call = request(`${server.url}/api${path}`, { method, agent, headers }, (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if ((response.statusCode ?? 500) < 300) resolve(text);
          else reject(new Error(text));
        });
      });
      call.on('socket', (socket) => used.add(socket));
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  /** What has come so far over all connections, heads included. */
  const bytesRead = () => [...used].reduce((sum, socket) => sum + socket.bytesRead, 0);
  return { ask, bytesRead, close: () => agent.destroy() };
}
