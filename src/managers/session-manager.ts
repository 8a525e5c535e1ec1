/**
 * Finds sessions, makes them, wakes them from the store and puts them to sleep. It owns the pool: whatever is live
 * was woken here, once, however many asked at the same time.
 */
import { join } from 'node:path';
import { describeSession } from '../core/session-metadata.js';
import type { LiveFacts } from '../core/session-metadata.js';
import { TopicEmitter } from '../core/lifecycle.js';
import { isRetired } from '../core/retirement.js';
import { SessionInstance } from '../core/session-instance.js';
import { errors, SojournError } from '../types/errors.js';
import type { IConfig } from '../types/config.js';
import type { EngineDefinition, IEngines } from '../types/engine.js';
import type { SessionEvent } from '../types/events.js';
import type { IPersistenceManager, ISessionManager, ListQuery, SessionList } from '../types/managers.js';
import type { CallContext, Principal } from '../types/operation.js';
import type { Disposable, IClock, IFiles, IIds, ILog } from '../types/ports.js';
import type {
  CreateSession,
  EventPage,
  ExecuteResult,
  ISessionInstance,
  ISessionPool,
  SessionMetadata,
  SessionPatch,
  SessionRecord,
} from '../types/session.js';
import type { ISessionStore } from '../types/store.js';
import { createKey, newRecord } from './new-session.js';
import { checkSessionLimits } from './session-limits.js';
import { statusFilter } from './status-filter.js';
import { PoolKeeper } from './pool-keeper.js';
import { sweepWorkspaces } from './workspace-sweep.js';

export interface SessionManagerServices {
  readonly store: ISessionStore;
  readonly pool: ISessionPool;
  readonly persistence: IPersistenceManager;
  readonly engines: IEngines;
  readonly config: IConfig;
  readonly clock: IClock;
  readonly ids: IIds;
  readonly files: IFiles;
  readonly log: ILog;
}

export class SessionManager implements ISessionManager {
  private readonly events: TopicEmitter<SessionEvent>;
  private readonly keeper: PoolKeeper;
  private readonly waking = new Map<string, Promise<ISessionInstance>>();
  /** Ids that are being created or deleted: both are awaited, never overtaken. */
  private readonly changing = new Map<string, Promise<unknown>>();
  private closing = false;
  private ending: Promise<void> | null = null;

  constructor(private readonly services: SessionManagerServices) {
    this.events = new TopicEmitter(services.log);
    this.keeper = new PoolKeeper(services);
  }

  start(): Promise<void> {
    this.services.persistence.start();
    this.keeper.start();
    const { config, store, files, log } = this.services;
    sweepWorkspaces(join(config.data_dir, 'workspaces'), store, files, log).catch((error: unknown) => {
      log.warn({ err: error }, 'left-over workspaces could not be removed');
    });
    return Promise.resolve();
  }

  async createSession(request: CreateSession, call: CallContext): Promise<SessionMetadata> {
    this.assertOpen();
    const { ids, store } = this.services;
    const key = createKey(call);
    const id = request.session_id ?? (key === undefined ? ids.sessionId() : `s-${key.slice(0, 12)}`);
    const existing = await store.getSession(id);
    if (existing) return this.existing(existing, request, call, key);
    return this.alone(id, async () => {
      const raced = await store.getSession(id);
      if (raced) return this.existing(raced, request, call, key);
      return this.createNew(id, request, call, key);
    });
  }

  async getSession(id: string, principal: Principal): Promise<ISessionInstance> {
    this.assertOpen();
    const { pool } = this.services;
    const live = pool.get(id) ?? (await this.wakeOnce(id));
    if (!mayUse(principal, live.owner)) throw errors.sessionNotFound(id);
    return live;
  }

  async use<T>(
    id: string,
    principal: Principal,
    work: (session: ISessionInstance) => Promise<T>,
  ): Promise<T> {
    for (;;) {
      const session = await this.getSession(id, principal);
      try {
        return await work(session);
      } catch (error) {
        // It went to sleep between being found and being used: nothing was done yet.
        if (!isRetired(error)) throw error;
        if (this.services.pool.peek(id) === session) this.services.pool.remove(id);
      }
    }
  }

  async getMetadata(id: string, principal: Principal): Promise<SessionMetadata> {
    return describeSession(await this.record(id, principal), this.liveFacts(id));
  }

  async updateSession(id: string, patch: SessionPatch, principal: Principal): Promise<SessionMetadata> {
    await this.record(id, principal);
    const live = this.services.pool.peek(id);
    if (live) return live.updateMetadata(patch);
    return describeSession(await this.services.store.updateSession(id, patch), null);
  }

  async deleteSession(id: string, principal: Principal): Promise<void> {
    await this.record(id, principal);
    await this.alone(id, async () => {
      const record = await this.record(id, principal);
      const { pool, store, files, log } = this.services;
      const live = pool.peek(id) as SessionInstance | undefined;
      pool.remove(id);
      await live?.dispose(errors.sessionNotFound(id));
      await store.deleteSession(id);
      // What cannot be removed now is swept at a later start; the session is gone.
      await files.remove(this.workspaceOf(record)).catch((error: unknown) => {
        log.warn({ err: error, session_id: id }, 'a workspace could not be removed');
      });
    });
  }

  async executeCommand(id: string, command: string, call: CallContext): Promise<ExecuteResult> {
    const answer = await this.use(id, call.principal, (session) =>
      session.performWrite('execute', { code: command }, call),
    );
    return answer as ExecuteResult;
  }

  async listSessions(query: ListQuery, principal: Principal): Promise<SessionList> {
    const { store, pool } = this.services;
    const { status, ...rest } = query;
    const owner = principal.access === 'admin' ? {} : { owner: principal.id };
    const byStatus = status === undefined ? {} : statusFilter(status, pool.getAll());
    const page = await store.listSessions({ ...rest, ...owner, ...byStatus });
    const sessions = page.sessions.map((record) =>
      describeSession(record, this.liveFacts(record.session_id)),
    );
    const visible = pool.getAllMetadata().filter((session) => mayUse(principal, session.owner));
    const memory = visible.reduce((sum, session) => sum + session.memory_bytes, 0);
    return {
      sessions,
      total_sessions: page.total,
      total_memory_mb: Math.round((memory / 1024 ** 2) * 100) / 100,
      next_cursor: page.next_cursor,
    };
  }

  async readEvents(id: string, sinceSeq: number, limit: number, principal: Principal): Promise<EventPage> {
    const record = await this.record(id, principal);
    const events =
      sinceSeq > record.head_seq ? [] : await this.services.store.readJournal(id, sinceSeq, limit);
    const last = events.at(-1)?.seq ?? sinceSeq - 1;
    return { events, head_seq: record.head_seq, next_seq: last < record.head_seq ? last + 1 : null };
  }

  async hibernate(id: string, principal: Principal): Promise<SessionMetadata> {
    await this.record(id, principal);
    const live = this.services.pool.peek(id);
    if (live) await this.keeper.putToSleep(live);
    return this.getMetadata(id, principal);
  }

  async save(id: string, principal: Principal): Promise<void> {
    await this.record(id, principal);
    await this.services.pool.peek(id)?.checkpoint('save');
    await this.services.store.sync();
  }

  async retryFailed(id: string, principal: Principal): Promise<void> {
    const { failure } = await this.record(id, principal);
    if (failure) await this.services.store.updateSession(id, { failure: null });
  }

  saveDirtySessions(): Promise<void> {
    return this.services.persistence.saveDirtySessions();
  }
  async drain(): Promise<void> {
    this.closing = true;
    await Promise.allSettled([...this.waking.values(), ...this.changing.values()]);
    const graceMs = this.services.config.shutdown_grace_s * 1000;
    await Promise.allSettled(this.services.pool.getAll().map((session) => session.drain(graceMs)));
  }

  shutdown(): Promise<void> {
    this.ending ??= this.end();
    return this.ending;
  }

  dispose(): Promise<void> {
    return this.shutdown();
  }

  subscribe(id: string, listener: (event: SessionEvent) => void): Disposable {
    return this.events.on(id, listener);
  }

  counts(): { live: number; busy: number; memory_bytes: number } {
    const sessions = this.services.pool.getAllMetadata();
    return {
      live: sessions.length,
      busy: sessions.filter((session) => session.status === 'busy').length,
      memory_bytes: this.keeper.memoryBytes(),
    };
  }

  private async end(): Promise<void> {
    await this.drain();
    await this.keeper.stop();
    const { pool, persistence, log } = this.services;
    await persistence.shutdown().catch((error: unknown) => {
      log.error({ err: error }, 'not everything could be saved at the end; the journal has it');
    });
    await Promise.all(pool.getAll().map((session) => Promise.resolve(session.dispose())));
    pool.clear();
  }

  private async createNew(
    id: string,
    request: CreateSession,
    call: CallContext,
    key: string | undefined,
  ): Promise<SessionMetadata> {
    const { store, config, clock, ids } = this.services;
    const definition = this.engineOf(request.kind ?? 'python');
    await checkSessionLimits(store, config, call.principal);
    const at = new Date(clock.now()).toISOString();
    const record = await newRecord({
      id,
      uid: ids.uid(),
      request,
      owner: call.principal.id,
      at,
      key,
      definition,
      config,
    });
    const first = {
      session_id: id,
      seq: 0,
      at,
      type: 'created' as const,
      kind: record.kind,
      owner: record.owner,
    };
    await store.createSession(record, first);
    const instance = this.instance(record, definition, true);
    try {
      await instance.wake();
    } catch (error) {
      await instance.dispose();
      await store.deleteSession(id);
      throw error;
    }
    this.keeper.add(instance);
    this.services.log.info({ session_id: id, kind: record.kind }, 'a session was created');
    return this.getMetadata(id, call.principal);
  }

  private existing(
    record: SessionRecord,
    request: CreateSession,
    call: CallContext,
    key: string | undefined,
  ): SessionMetadata {
    const mine = mayUse(call.principal, record.owner);
    const repeated = key !== undefined && record.create_key === key;
    if (mine && (repeated || request.if_exists === 'return')) {
      return describeSession(record, this.liveFacts(record.session_id));
    }
    throw errors.sessionExists(record.session_id);
  }

  /** Creating and deleting one id happen one after another. */
  private async alone<T>(id: string, work: () => Promise<T>): Promise<T> {
    const before = this.changing.get(id) ?? Promise.resolve();
    const after = before.catch(() => undefined).then(work);
    this.changing.set(id, after);
    try {
      return await after;
    } finally {
      if (this.changing.get(id) === after) this.changing.delete(id);
    }
  }

  private wakeOnce(id: string): Promise<ISessionInstance> {
    const under = this.waking.get(id);
    if (under) return under;
    // In line with creating and deleting: a session that is being deleted is not woken beside it.
    const waking = this.alone(id, () => this.wake(id)).finally(() => this.waking.delete(id));
    this.waking.set(id, waking);
    return waking;
  }

  private async wake(id: string): Promise<ISessionInstance> {
    const live = this.services.pool.get(id);
    if (live) return live;
    const record = await this.services.store.getSession(id);
    if (!record) throw errors.sessionNotFound(id);
    if (record.failure) {
      const detail = `Session '${id}' was set aside: ${record.failure.detail} Once mended, restart it with preserve_state.`;
      throw new SojournError('storage_error', detail, { session_id: id, damaged: true });
    }
    const instance = this.instance(record, this.engineOf(record.kind), false);
    this.keeper.add(instance);
    return instance;
  }

  private instance(record: SessionRecord, definition: EngineDefinition, fresh: boolean): SessionInstance {
    const { store, clock, files, ids, log, config } = this.services;
    const instance: SessionInstance = new SessionInstance(
      record,
      {
        store,
        clock,
        files,
        ids,
        definition,
        config,
        log: log.child({ session_id: record.session_id }),
        workspace: this.workspaceOf(record),
        publish: (event) => this.events.emit(record.session_id, event),
        saveIsDue: () => void this.saveNow(instance),
        broken: () => void this.letGo(instance),
      },
      fresh ? null : { cause: record.asleep ?? 'server_restarted' },
    );
    return instance;
  }

  private async saveNow(instance: ISessionInstance): Promise<void> {
    await this.services.persistence.saveSession(instance, 'replay cost').catch((error: unknown) => {
      this.services.log.error({ err: error, session_id: instance.id }, 'a checkpoint failed');
    });
  }

  private async letGo(instance: SessionInstance): Promise<void> {
    if (this.services.pool.peek(instance.id) === instance) this.services.pool.remove(instance.id);
    await instance.dispose().catch((error: unknown) => {
      this.services.log.error(
        { err: error, session_id: instance.id },
        'a broken session could not be closed',
      );
    });
  }

  private async record(id: string, principal: Principal): Promise<SessionRecord> {
    const record = await this.services.store.getSession(id);
    if (!record || !mayUse(principal, record.owner)) throw errors.sessionNotFound(id);
    return record;
  }

  private liveFacts(id: string): LiveFacts | null {
    const live = this.services.pool.peek(id);
    if (!live) return null;
    const { status, memory_bytes, last_rebuild = null } = live.getMetadata();
    const lastAccess = live.getLastAccessTime();
    return { status, memoryBytes: memory_bytes, lastAccess, lastRebuild: last_rebuild };
  }

  private engineOf(kind: string): EngineDefinition {
    const definition = this.services.engines.get(kind);
    if (definition) return definition;
    const kinds = [...this.services.engines.keys()].join(', ');
    throw new SojournError('invalid_params', `kind: no engine for '${kind}'; there are: ${kinds}.`, { kind });
  }

  private workspaceOf(record: SessionRecord): string {
    return join(this.services.config.data_dir, 'workspaces', record.uid);
  }

  private assertOpen(): void {
    if (this.closing) throw errors.closed('Sojourn');
  }
}

/** Sessions of others do not exist for a principal without admin access. */
const mayUse = (principal: Principal, owner: string): boolean =>
  principal.access === 'admin' || principal.id === owner;
