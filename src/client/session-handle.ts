/** One session, as its user holds it: the same handle whether the server is embedded or far away. */
import type {
  AttachedClient,
  AttachOptions,
  CreateSessionOptions,
  EventsOptions,
  ExecuteOptions,
  ExecutionResult,
  ForkedSession,
  ForkOptions,
  HistoryEntry,
  ICaller,
  ISession,
  MetricsOptions,
  MadeShare,
  OutputOptions,
  OutputPiece,
  Receipt,
  ScriptOptions,
  ScriptResult,
  SessionInfo,
  SessionMetricsInfo,
  Share,
  Variable,
  WriteCallOptions,
} from '../types/client.js';
import type { AccessMode } from '../types/concurrency.js';
import type { MimeBundle, SessionEvent } from '../types/events.js';
import type { ForkResult } from '../types/managers.js';
import type { SessionReport } from '../types/monitor.js';
import type {
  ExecuteResult,
  InterruptReport,
  OutputPage,
  SessionMetadata,
  WriteReceipt,
} from '../types/session.js';
import { camelize, snakeize } from './casing.js';
import { DataHandle } from './data-handle.js';
import { sessionMetrics } from './metrics.js';
import { SessionCaller } from './session-caller.js';
import { SessionFolder } from './session-files.js';
import { SessionTimeline } from './session-timeline.js';

export class SessionHandle extends DataHandle implements ISession {
  readonly files: SessionFolder;
  readonly timeline: SessionTimeline;

  constructor(
    private readonly caller: ICaller,
    readonly id: string,
  ) {
    super(new SessionCaller(caller, id));
    this.files = new SessionFolder(caller, id);
    this.timeline = new SessionTimeline(this.session);
  }

  async execute(code: string, options: ExecuteOptions = {}): Promise<ExecutionResult> {
    const { timeoutS, silent, reportFiles, replay, clearFirst, allowInput, ...write } = options;
    const answer = await this.session.ask<ExecuteResult>(
      'execute',
      { code, ...snakeize({ timeoutS, silent, reportFiles, replay, clearFirst, allowInput }) },
      write,
    );
    return camelize(answer);
  }

  async interrupt(): Promise<boolean> {
    return (await this.session.ask<InterruptReport>('interrupt')).interrupted;
  }

  restart(options: { keepState?: boolean } = {}): Promise<SessionInfo> {
    return this.info_('restart', { preserve_state: options.keepState ?? false });
  }

  async clear(): Promise<Receipt> {
    return camelize(await this.session.ask<WriteReceipt>('clear'));
  }

  save(): Promise<SessionInfo> {
    return this.info_('save');
  }

  hibernate(): Promise<SessionInfo> {
    return this.info_('hibernate');
  }

  async fork(id?: string, options: ForkOptions = {}): Promise<ForkedSession> {
    const { name, description, live, atSeq, ...write } = options;
    const params = snakeize({ newSessionId: id, name, description, live, atSeq });
    const made = await this.session.ask<ForkResult>('fork', params, write);
    return Object.assign(new SessionHandle(this.caller, made.session_id), {
      live: made.live,
      notKept: made.not_kept,
      reachedSeq: made.reached_seq,
      exact: made.exact,
      ...(made.reason === undefined ? {} : { reason: made.reason }),
    });
  }

  info(): Promise<SessionInfo> {
    return this.info_('get_session');
  }

  async metrics(options: MetricsOptions = {}): Promise<SessionMetricsInfo> {
    return sessionMetrics(await this.session.ask<SessionReport>('get_metrics', snakeize(options)));
  }

  update(
    patch: Pick<CreateSessionOptions, 'name' | 'description' | 'tags' | 'timeoutS' | 'expireAfterS'>,
  ): Promise<SessionInfo> {
    return this.info_('update_session', snakeize(patch));
  }

  async variables(): Promise<Variable[]> {
    const { variables } = await this.session.ask<{ variables: object[] }>('list_variables');
    return variables.map((variable) => camelize(variable) as Variable);
  }

  async variable(name: string): Promise<MimeBundle> {
    return (await this.session.ask<{ data: MimeBundle }>('get_variable', { name })).data;
  }

  async history(options: { limit?: number } = {}): Promise<HistoryEntry[]> {
    const { history } = await this.session.ask<{ history: object[] }>('get_history', snakeize(options));
    return history.map((entry) => camelize(entry) as HistoryEntry);
  }

  events(options: EventsOptions = {}): AsyncIterable<SessionEvent> {
    return this.caller.events(this.id, options);
  }

  async execution(seq: number): Promise<ExecutionResult> {
    return camelize(await this.session.ask<ExecuteResult>('get_execution', { seq }));
  }

  async output(seq: number, options: OutputOptions = {}): Promise<OutputPiece> {
    return camelize(await this.session.ask<OutputPage>('get_output', { seq, ...snakeize(options) }));
  }

  async replyInput(value: string | null, options: { inputId?: number } = {}): Promise<void> {
    const reply = value === null ? { eof: true } : { value };
    await this.session.ask('reply_input', { ...reply, ...snakeize(options) });
  }

  async attach(options: AttachOptions): Promise<AttachedClient> {
    return clientFrom(await this.session.ask<object>('attach', snakeize(options)));
  }

  async detach(options: { clientId?: string; principal?: string } = {}) {
    const { detached } = await this.session.ask<{ detached: object[] }>('detach', snakeize(options));
    return detached.map((client) => camelize(client) as Pick<AttachedClient, 'clientId' | 'principal'>);
  }

  async clients(): Promise<AttachedClient[]> {
    return (await this.session.ask<{ clients: object[] }>('list_clients')).clients.map(clientFrom);
  }

  async share(options: { mode: AccessMode; ttlS?: number }): Promise<MadeShare> {
    return camelize(await this.session.ask<object>('share', snakeize(options))) as MadeShare;
  }

  async shares(): Promise<Share[]> {
    const { shares } = await this.session.ask<{ shares: object[] }>('list_shares');
    return shares.map((share) => camelize(share) as Share);
  }

  async revokeShare(shareId: string): Promise<boolean> {
    return (await this.session.ask<{ revoked: boolean }>('revoke_share', { share_id: shareId })).revoked;
  }

  async runScript(path: string, options: ScriptOptions = {}): Promise<ScriptResult> {
    const { args, timeoutS, reportFiles, replay, ...write } = options;
    const answer = await this.session.ask<object>(
      'run_script',
      { path, ...snakeize({ args, timeoutS, reportFiles, replay }) },
      write,
    );
    return camelize(answer) as ScriptResult;
  }

  async delete(): Promise<void> {
    await this.session.ask('delete_session');
  }

  call(
    operation: string,
    params: Record<string, unknown> = {},
    options?: WriteCallOptions,
  ): Promise<unknown> {
    return this.session.call(operation, params, options);
  }

  private async info_(operation: string, params?: Record<string, unknown>): Promise<SessionInfo> {
    return camelize(await this.session.ask<SessionMetadata>(operation, params));
  }
}

const clientFrom = (client: object): AttachedClient => {
  const { session_id: _, ...rest } = client as Record<string, unknown>;
  return camelize(rest) as unknown as AttachedClient;
};
