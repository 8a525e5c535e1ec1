/** The lynguine dialect over a catalogue that a test fills with what it needs. */
import { LynguineDialect } from '../../src/api/dialects/lynguine/dialect.js';
import type { DialectAnswer } from '../../src/types/dialect.js';
import { errors } from '../../src/types/errors.js';
import { DrivenClock } from './driven-clock.js';

export type Handler = (params: Record<string, unknown>) => unknown;
export interface Said {
  status: number;
  json: Record<string, unknown>;
}

export const dialectSessionId = '0b0e7a2c-6f2f-4c5e-9d38-3f3f6a3b2c1d';
export const iso = (ms: number) => new Date(ms).toISOString();
const principal = { id: 'local', access: 'admin' as const };

export class LynguineDoor {
  readonly clock = new DrivenClock();
  /** The operations that there are. */
  readonly handlers: Record<string, Handler>;
  readonly calls: [string, Record<string, unknown>][] = [];
  readonly dialect: LynguineDialect;
  cpuSeconds = 1;
  private secrets = 0;

  constructor(idleTimeoutS = 0) {
    this.dialect = new LynguineDialect({
      clock: this.clock,
      ids: { secret: () => `secret ${this.secrets++}` },
      machine: { totalMemoryBytes: 1000 * 1024 ** 2, cpuSeconds: () => this.cpuSeconds },
      idleTimeoutS,
    });
    const live = this.session();
    this.handlers = { get_session: () => live, keep_alive: () => this.session() };
  }

  session(given: Record<string, unknown> = {}): Record<string, unknown> {
    const now = this.clock.now();
    return {
      session_id: dialectSessionId,
      kind: 'data',
      owner: 'local',
      status: 'idle',
      created_at: iso(now),
      last_activity: iso(now),
      expires_at: iso(now + 3_600_000),
      memory_mb: 1.239,
      interface_file: 'a.yml',
      directory: '.',
      interface_field: null,
      shape: [4, 2],
      columns: ['age', 'city'],
      ...given,
    };
  }

  /** What the catalogue was asked, beside what every request asks first. */
  get asked(): [string, Record<string, unknown>][] {
    return this.calls.filter(([name]) => name !== 'get_session' && name !== 'keep_alive');
  }

  send(method: string, target: string, body: unknown = {}): Promise<DialectAnswer> {
    const call = async (operation: string, params: Readonly<Record<string, unknown>>) => {
      this.calls.push([operation, { ...params }]);
      const handle = this.handlers[operation];
      if (!handle) throw errors.operationNotFound(operation);
      return handle({ ...params });
    };
    const request = { method, target, principal, readBody: async () => body };
    return this.dialect.answer(request, call).catch((error: unknown) => this.dialect.refuse(error));
  }

  async ask(method: string, target: string, body: unknown = {}): Promise<Said> {
    const { status, text } = await this.send(method, target, body);
    return { status, json: JSON.parse(text) as Record<string, unknown> };
  }

  operate(operation: string, body: unknown = {}): Promise<Said> {
    return this.ask('POST', `/api/sessions/${dialectSessionId}/${operation}`, body);
  }
}
