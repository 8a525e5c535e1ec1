/** A server with the example files of data sessions below its roots, and two doors to it: the native one and lynguine's. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { HttpCaller } from '../../src/client/http-caller.js';
import { Sojourn } from '../../src/client/sojourn.js';
import type { RunningServer } from '../../src/server.js';
import type { ConfigInput } from '../../src/types/config.js';
import type { ILog } from '../../src/types/ports.js';
import { openServer } from './open-server.js';
import { temporaryFolder } from './temporary-folder.js';

const members = z.record(z.string(), z.unknown());
export interface Answered {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly bytes: number;
}

export interface DataDoors {
  readonly server: RunningServer;
  /** Where the example files are. */
  readonly root: string;
  readonly dataDir: string;
  readonly client: Sojourn;
  /** Below /api. */
  native(method: string, path: string, body?: unknown): Promise<Answered>;
  /** Below /compat/lynguine. */
  compat(method: string, path: string, body?: unknown): Promise<Answered>;
  /** A session of an example file by the native door; its id. */
  create(interfaceFile: string, more?: object): Promise<string>;
  /** An operation of a session by the native door; its answer. */
  ask(id: string, operation: string, params?: object): Promise<Record<string, unknown>>;
  close(): Promise<void>;
}

export async function openDataDoors(config: ConfigInput = {}, log?: ILog): Promise<DataDoors> {
  const folder = await temporaryFolder('data');
  const root = join(folder, 'files');
  await cp('test/fixtures/data', root, { recursive: true });
  const dataDir = join(folder, 'state');
  const server = await openServer(
    { data_dir: dataDir, ...config, data: { roots: [root], ...config.data } },
    log,
  );
  return doorsTo(server, root, dataDir);
}

export function doorsTo(server: RunningServer, root: string, dataDir: string): DataDoors {
  const caller = new HttpCaller({ url: server.url, token: server.token });
  const send = async (method: string, path: string, body?: unknown): Promise<Answered> => {
    const response = await fetch(`${server.url}${path}`, {
      method,
      headers: { Authorization: `Bearer ${server.token ?? ''}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed = text === '' ? {} : members.parse(JSON.parse(text));
    return { status: response.status, body: parsed, bytes: Buffer.byteLength(text) };
  };
  const native = (method: string, path: string, body?: unknown) => send(method, `/api${path}`, body);
  const ask = async (id: string, operation: string, params: object = {}) => {
    const { status, body } = await native('POST', `/sessions/${id}/${operation}`, params);
    if (status !== 200) throw new Error(`${operation}: ${status} ${JSON.stringify(body)}`);
    return body;
  };
  return {
    server,
    root,
    dataDir,
    client: new Sojourn(caller),
    native,
    compat: (method, path, body) => send(method, `/compat/lynguine/api${path}`, body),
    create: async (interface_file, more = {}) => {
      const { status, body } = await native('POST', '/sessions', { interface_file, ...more });
      if (status !== 201) throw new Error(`create: ${status} ${JSON.stringify(body)}`);
      return String(body.session_id);
    },
    ask,
    close: async () => {
      caller.dispose();
      await server.dispose();
    },
  };
}
