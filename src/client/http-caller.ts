/**
 * Calls operations over HTTP. Every write carries an idempotency key, so that a call whose answer was lost can be
 * repeated: it is never run twice. Free of Node's own modules: it runs wherever there is `fetch`.
 */
import type { EventsOptions, ICaller, WriteCallOptions } from '../types/client.js';
import { errorTable, isSojournError, SojournError } from '../types/errors.js';
import type { ErrorCode } from '../types/errors.js';
import type { SessionEvent } from '../types/events.js';
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
    const { idempotencyKey, signal, ...rest } = options;
    const key = idempotencyKey ?? crypto.randomUUID();
    const { retries = 3, retryDelayMs = 300 } = this.options;
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.send(operation, { ...params, ...snakeize(rest) }, key, signal);
      } catch (error) {
        if (
          attempt >= retries ||
          !mayRepeat(error) ||
          this.closing.signal.aborted ||
          signal?.aborted === true
        )
          throw error;
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

  private async send(
    operation: string,
    params: Record<string, unknown>,
    key: string,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    if (this.closing.signal.aborted) throw new SojournError('closed', 'The client is closed.');
    const { method, path, body } = address(operation, params);
    const headers: Record<string, string> = { Accept: 'application/json' };
    if (this.token !== null) headers.Authorization = `Bearer ${this.token}`;
    if (this.options.clientId !== undefined) headers['Sojourn-Client'] = this.options.clientId;
    if (method !== 'GET') headers['Idempotency-Key'] = key;
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    const signals = signal ? [signal, this.closing.signal] : [this.closing.signal];
    const init = {
      method,
      headers,
      signal: AbortSignal.any(signals),
      ...(body === undefined ? {} : { body }),
    };
    const ask = this.options.fetch ?? fetch;
    const response = await ask(`${this.url}/api${path}`, init).catch((cause: unknown) => {
      throw unreachable(this.url, cause);
    });
    const text = await response.text().catch((cause: unknown) => {
      throw unreachable(this.url, cause);
    });
    if (!response.ok) throw errorFrom(response.status, text);
    return text === '' ? null : (JSON.parse(text) as unknown);
  }
}

/** Some operations on the server itself have addresses of their own; all others follow one rule. */
const serverAddresses: Readonly<Record<string, { method: string; path: string }>> = {
  create_session: { method: 'POST', path: '/sessions' },
  list_sessions: { method: 'GET', path: '/sessions' },
  ping: { method: 'GET', path: '/ping' },
  status: { method: 'GET', path: '/status' },
};

function address(operation: string, params: Record<string, unknown>) {
  const own = serverAddresses[operation];
  if (own?.method === 'GET') {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(params)) query.set(name, asText(value));
    return { method: 'GET', path: `${own.path}?${query.toString()}`, body: undefined };
  }
  if (own) return { ...own, body: JSON.stringify(params) };
  if (params.session_id === undefined) {
    return { method: 'POST', path: `/${encodeURIComponent(operation)}`, body: JSON.stringify(params) };
  }
  const { session_id, ...rest } = params;
  const id = encodeURIComponent(asText(session_id));
  const path = `/sessions/${id}/${encodeURIComponent(operation)}`;
  return { method: 'POST', path, body: JSON.stringify(rest) };
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
