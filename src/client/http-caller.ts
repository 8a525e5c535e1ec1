/**
 * Calls operations over HTTP. Every write carries an idempotency key, so that a call whose answer was lost can be
 * repeated: it is never run twice. Free of Node's own modules: it runs wherever there is `fetch`.
 */
import type {
  ByteSource,
  DownloadedFile,
  EventsOptions,
  ICaller,
  UploadOptions,
  WriteCallOptions,
} from '../types/client.js';
import { errorTable, isSojournError, SojournError } from '../types/errors.js';
import type { ErrorCode } from '../types/errors.js';
import type { SessionEvent } from '../types/events.js';
import type { ByteStream } from '../types/files.js';
import { downloaded, isWhole, noSuchForm, rangeHeader, received, RequestBody } from './byte-transfer.js';
import type { ByteRange } from './byte-transfer.js';
import { snakeize } from './casing.js';
import { streamEvents } from './event-stream.js';
import { pause } from './pause.js';

export interface HttpCallerOptions {
  /** E.g. http://127.0.0.1:8765 */
  readonly url: string;
  readonly token?: string | null;
  /** Names this client where leases are held. */
  readonly clientId?: string;
  /** Repetitions after a lost connection or a 5xx that may pass; default 3. */
  readonly retries?: number;
  /** Before the first repetition, doubled for each further one; default 300 ms. */
  readonly retryDelayMs?: number;
  readonly fetch?: typeof fetch;
  /** Called before each repetition, e.g. to find a server that was started anew. Resolves to its address. */
  readonly reconnect?: () => Promise<{ url: string; token?: string | null } | null>;
}

export class HttpCaller implements ICaller {
  private readonly closing = new AbortController();
  private url: string;
  private token: string | null;

  constructor(private readonly options: HttpCallerOptions) {
    this.url = options.url.replace(/\/+$/, '');
    this.token = options.token ?? null;
  }

  async call(
    operation: string,
    params: Record<string, unknown>,
    options: WriteCallOptions = {},
  ): Promise<unknown> {
    const { signal, idempotencyKey, ...rest } = options;
    const { method, path, body } = address(operation, { ...params, ...snakeize(rest) });
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (method !== 'GET') headers['Idempotency-Key'] = idempotencyKey ?? crypto.randomUUID();
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const request = { method, path, headers, signal, ...(body === undefined ? {} : { body }) };
    return this.patiently(signal, async () => readJson(operation, await this.send(request), this.url));
  }

  async upload(
    operation: string,
    params: Record<string, unknown>,
    source: ByteSource,
    options: UploadOptions = {},
  ): Promise<unknown> {
    const { signal, idempotencyKey, ifSeq, fileName, ...rest } = options;
    const { path, query } = bytesAddress(operation, params);
    const headers: Record<string, string> = {
      Accept: 'application/json',
      'Content-Type': 'application/octet-stream',
      'Idempotency-Key': idempotencyKey ?? crypto.randomUUID(),
      ...(ifSeq === undefined ? {} : { 'If-Match': String(ifSeq) }),
      ...(fileName === undefined ? {} : { 'Content-Disposition': called(fileName) }),
    };
    const once = async () => {
      const body = new RequestBody(source);
      const request = {
        method: 'POST',
        path: withQuery(path, { ...query, ...snakeize(rest) }),
        headers,
        signal,
      };
      const sent = this.send({ ...request, ...body.init });
      const response = await sent.catch((error: unknown) => {
        throw body.failure ?? error;
      });
      return readJson(operation, response, this.url);
    };
    return isWhole(source) ? this.patiently(signal, once) : once();
  }

  async download(
    operation: string,
    params: Record<string, unknown>,
    range: ByteRange,
  ): Promise<DownloadedFile> {
    const { path, query } = bytesAddress(operation, params);
    const headers = rangeHeader(range);
    return this.patiently(undefined, async () =>
      downloaded(await this.send({ method: 'GET', path: withQuery(path, query), headers })),
    );
  }

  media(operation: string, params: Record<string, unknown>, type: string): Promise<ByteStream> {
    const { method, path, body } = address(operation, params);
    const headers = { Accept: type, 'Content-Type': 'application/json' };
    const request = { method, path, headers, ...(body === undefined ? {} : { body }) };
    return this.patiently(undefined, async () => {
      const response = await this.send(request);
      if (response.headers.get('Content-Type')?.startsWith(type) === true) return received(response);
      await response.body?.cancel();
      throw noSuchForm(operation, type);
    });
  }

  /** Tries again after a lost connection. */
  private async patiently<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    const { retries = 3, retryDelayMs = 300 } = this.options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await work();
      } catch (error) {
        const given = signal?.aborted === true || this.closing.signal.aborted;
        if (attempt >= retries || !mayRepeat(error) || given) throw error;
        await pause(retryDelayMs * 2 ** attempt, this.closing.signal);
        await this.find();
      }
    }
  }

  events(sessionId: string, options: EventsOptions): AsyncIterable<SessionEvent> {
    return streamEvents((operation, params, write) => this.call(operation, params, write), sessionId, {
      ...options,
      closed: this.closing.signal,
    });
  }

  dispose(): void {
    this.closing.abort();
  }

  private async find(): Promise<void> {
    const found = await this.options.reconnect?.().catch(() => null);
    if (!found) return;
    this.url = found.url.replace(/\/+$/, '');
    this.token = found.token ?? this.token;
  }

  /** @throws the error that the server answered, or that it did not answer */
  private async send(request: HttpRequest): Promise<Response> {
    if (this.closing.signal.aborted) throw new SojournError('closed', 'The client is closed.');
    const { path, headers, signal, ...init } = request;
    const own: Record<string, string> = {};
    if (this.token !== null) own.Authorization = `Bearer ${this.token}`;
    if (this.options.clientId !== undefined) own['Sojourn-Client'] = this.options.clientId;
    const signals = signal ? [signal, this.closing.signal] : [this.closing.signal];
    const ask = this.options.fetch ?? fetch;
    const full = { ...init, headers: { ...headers, ...own }, signal: AbortSignal.any(signals) };
    const response = await ask(`${this.url}/api${path}`, full).catch((cause: unknown) => {
      throw unreachable(this.url, cause);
    });
    if (!response.ok) throw errorFrom(response.status, await textOf(response, this.url));
    return response;
  }
}

interface HttpRequest {
  readonly method: string;
  /** Below /api. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly signal?: AbortSignal | undefined;
  readonly body?: RequestInit['body'];
  readonly duplex?: 'half';
}

const textOf = (response: Response, url: string): Promise<string> =>
  response.text().catch((cause: unknown) => {
    throw unreachable(url, cause);
  });

async function readJson(operation: string, response: Response, url: string): Promise<unknown> {
  if (response.headers.has('Content-Disposition')) {
    await response.body?.cancel();
    const detail = `'${operation}' answers with bytes; ask for them with download.`;
    throw new SojournError('not_supported', detail, { operation });
  }
  const text = await textOf(response, url);
  return text === '' ? null : (JSON.parse(text) as unknown);
}

/** Some operations on the server itself have addresses of their own; all others follow one rule. */
const serverAddresses: Readonly<Record<string, { method: string; path: string }>> = {
  create_session: { method: 'POST', path: '/sessions' },
  get_server_metrics: { method: 'GET', path: '/metrics' },
  list_sessions: { method: 'GET', path: '/sessions' },
  ping: { method: 'GET', path: '/ping' },
  status: { method: 'GET', path: '/status' },
};

function address(operation: string, params: Record<string, unknown>) {
  const own = serverAddresses[operation];
  if (own?.method === 'GET') return { method: 'GET', path: withQuery(own.path, params), body: undefined };
  if (own) return { ...own, body: JSON.stringify(params) };
  if (params.session_id === undefined) {
    return { method: 'POST', path: `/${encodeURIComponent(operation)}`, body: JSON.stringify(params) };
  }
  const { session_id, ...rest } = params;
  const id = encodeURIComponent(asText(session_id));
  const path = `/sessions/${id}/${encodeURIComponent(operation)}`;
  return { method: 'POST', path, body: JSON.stringify(rest) };
}

/** Where bytes are sent or asked for: all parameters stand in the address. */
function bytesAddress(operation: string, params: Record<string, unknown>) {
  const own = serverAddresses[operation];
  if (own) return { path: own.path, query: params };
  const { session_id, ...query } = params;
  const { path } = address(operation, session_id === undefined ? {} : { session_id });
  return { path, query };
}

/** Every name in ASCII; a lone half of a character has no bytes. */
const called = (fileName: string) =>
  `attachment; filename*=UTF-8''${encodeURIComponent(fileName.replaceAll(/\p{Surrogate}/gu, '_')).replaceAll("'", '%27')}`;

function withQuery(path: string, params: Record<string, unknown>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) query.set(name, asText(value));
  return `${path}?${query.toString()}`;
}

const asText = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value));

const unreachable = (url: string, cause: unknown) =>
  new SojournError(
    'engine_unavailable',
    `No answer from ${url}; is the server running?`,
    { unreachable: true },
    { cause },
  );

/** Lost connections and errors of the table that may pass. The server repeats no write that has its key. */
function mayRepeat(error: unknown): boolean {
  if (!isSojournError(error)) return false;
  if (error.fields.unreachable === true) return true;
  const { http, retryable } = errorTable[error.code];
  return http >= 500 && retryable;
}

function errorFrom(status: number, text: string): SojournError {
  const problem = parseProblem(text);
  const code =
    typeof problem.code === 'string' && problem.code in errorTable ? (problem.code as ErrorCode) : 'internal';
  const detail = typeof problem.detail === 'string' ? problem.detail : `The server answered ${status}.`;
  const { type: _type, title: _title, status: _status, code: _code, detail: _detail, ...fields } = problem;
  return new SojournError(code, detail, fields);
}

function parseProblem(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
