/** The server as a program holds it, over any caller: sessions are made, found, listed and deleted here. */
import type {
  CreateSessionOptions,
  ExecutionResult,
  ICaller,
  ISession,
  ISessionClient,
  ISojourn,
  MetricsOptions,
  ServerMetricsInfo,
  SessionInfo,
  WriteCallOptions,
} from '../types/client.js';
import { isSojournError } from '../types/errors.js';
import type { ServerReport } from '../types/monitor.js';
import type { SessionMetadata } from '../types/session.js';
import { camelize, snakeize } from './casing.js';
import { serverMetrics } from './metrics.js';
import { SessionHandle } from './session-handle.js';

interface ListAnswer {
  sessions: SessionMetadata[];
  total_sessions: number;
  next_cursor: string | null;
}

export class Sojourn implements ISojourn, ISessionClient {
  constructor(private readonly caller: ICaller) {}

  async createSession(options: CreateSessionOptions & { idempotencyKey?: string } = {}): Promise<ISession> {
    const { idempotencyKey, file, fileName, checkpoint, ...request } = options;
    const write = idempotencyKey === undefined ? {} : { idempotencyKey };
    const called = fileName === undefined ? {} : { fileName };
    const params = snakeize({ ...request, checkpoint: checkpoint && snakeize(checkpoint) });
    const created = (await (file === undefined
      ? this.caller.call('create_session', params, write)
      : this.caller.upload('create_session', params, file, { ...write, ...called }))) as SessionMetadata;
    return this.session(created.session_id);
  }

  session(id: string): ISession {
    return new SessionHandle(this.caller, id);
  }

  async listSessions(
    query: {
      kind?: string;
      status?: string;
      tag?: string;
      includeInactive?: boolean;
      limit?: number;
      cursor?: string;
    } = {},
  ) {
    const page = (await this.caller.call('list_sessions', snakeize(query))) as ListAnswer;
    return {
      sessions: page.sessions.map((session): SessionInfo => camelize(session)),
      totalSessions: page.total_sessions,
      nextCursor: page.next_cursor,
    };
  }

  deleteSession(id: string): Promise<void> {
    return this.session(id).delete();
  }

  async metrics(options: MetricsOptions = {}): Promise<ServerMetricsInfo> {
    return serverMetrics((await this.caller.call('get_server_metrics', snakeize(options))) as ServerReport);
  }

  call(
    operation: string,
    params: Record<string, unknown> = {},
    options?: WriteCallOptions,
  ): Promise<unknown> {
    return this.caller.call(operation, params, options);
  }

  async close(): Promise<void> {
    await this.caller.dispose();
  }

  async init(): Promise<void> {
    await this.caller.call('ping', {});
  }

  executeCommand(sessionId: string, command: string): Promise<ExecutionResult> {
    return this.session(sessionId).execute(command);
  }

  async getSession(sessionId: string): Promise<SessionInfo | null> {
    try {
      return await this.session(sessionId).info();
    } catch (error) {
      if (isSojournError(error, 'session_not_found')) return null;
      throw error;
    }
  }

  async forceSave(sessionId: string): Promise<void> {
    await this.session(sessionId).save();
  }

  async healthCheck(): Promise<boolean> {
    return this.init().then(
      () => true,
      () => false,
    );
  }
}
