/**
 * The requests that lynguine's own Python client makes: method, path, headers and body as they go over the wire, with a
 * ping before whatever is asked of the server as a whole. Its address may hold a token as the user.
 */
import { Agent, request } from 'node:http';
import { z } from 'zod';
import type { Disposable } from '../../src/types/ports.js';

const membersSchema = z.record(z.string(), z.unknown());
export type Answer = z.infer<typeof membersSchema>;

/** As the client raises it. */
export class HttpError extends Error {
  constructor(
    readonly status: number,
    readonly answer: Answer,
  ) {
    super(`HTTP ${status}: ${JSON.stringify(answer)}`);
  }
}

/** Python puts a blank behind each comma and colon. */
const pythonJson = (value: unknown): string => {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}: ${pythonJson(member)}`,
  );
  return `{${members.join(', ')}}`;
};

export class LynguineClient implements Disposable {
  private readonly kept = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly said: string[] = [];

  constructor(private readonly serverUrl: string) {}

  async ping(): Promise<boolean> {
    return (await this.send('GET', '/api/ping')).status === 200;
  }

  /** A call of the server: it is there, or nothing is asked. */
  async ask(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Answer> {
    if (!(await this.ping())) throw new Error(`Server not available at ${this.serverUrl}`);
    return this.answer(method, path, body);
  }

  async createSession(interfaceFile: string, timeout = 3600): Promise<LynguineSession> {
    const body = { interface_file: interfaceFile, directory: '.', timeout };
    await this.ping();
    const { session } = await this.ask('POST', '/api/sessions', body);
    const made = z.looseObject({ session_id: z.string() }).parse(session);
    return new LynguineSession(this, made.session_id, made);
  }

  async answer(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<Answer> {
    const { status, answer } = await this.send(method, path, body);
    if (status >= 400) throw new HttpError(status, answer);
    if (answer.status !== 'success' && answer.status !== 'ok') throw new Error(JSON.stringify(answer));
    return answer;
  }

  dispose(): void {
    this.kept.destroy();
  }

  private send(method: string, path: string, body?: object): Promise<{ status: number; answer: Answer }> {
    const { hostname, port, username, pathname } = new URL(this.serverUrl);
    const text = body === undefined ? undefined : pythonJson(body);
    const headers: Record<string, string> = {
      'User-Agent': 'python-requests/2.28.1',
      'Accept-Encoding': 'gzip, deflate',
      Accept: '*/*',
      Connection: 'keep-alive',
    };
    if (text !== undefined) headers['Content-Type'] = 'application/json';
    if (method !== 'GET') headers['Content-Length'] = String(Buffer.byteLength(text ?? ''));
    if (username !== '') headers.Authorization = `Basic ${Buffer.from(`${username}:`).toString('base64')}`;
    // What it deletes, it asks for on a connection of its own.
    const agent = method === 'DELETE' ? false : this.kept;
    const place = pathname === '/' ? '' : pathname;
    this.said.push(`${method} ${path}`);
    return new Promise((resolve, reject) => {
      const call = request({ hostname, port, method, path: place + path, headers, agent }, (response) => {
        const pieces: Buffer[] = [];
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.once('error', reject);
        response.once('end', () => {
          const answer = membersSchema.parse(JSON.parse(Buffer.concat(pieces).toString()));
          resolve({ status: response.statusCode ?? 0, answer });
        });
      });
      call.once('error', reject);
      call.end(text);
    });
  }
}

export class LynguineSession {
  constructor(
    private readonly client: LynguineClient,
    readonly id: string,
    readonly metadata: Answer,
  ) {}

  /** What reads the focus or the table as a whole. */
  async get(operation: string, member: string): Promise<unknown> {
    return (await this.client.answer('GET', `/api/sessions/${this.id}/${operation}`))[member];
  }

  /** What has parameters. */
  post(operation: string, body: object): Promise<Answer> {
    return this.client.answer('POST', `/api/sessions/${this.id}/${operation}`, body);
  }

  async info(): Promise<Answer> {
    return membersSchema.parse((await this.client.answer('GET', `/api/sessions/${this.id}`)).session);
  }

  delete(): Promise<Answer> {
    return this.client.ask('DELETE', `/api/sessions/${this.id}`);
  }
}
