/**
 * Finds sessions, makes them, wakes them from the store and puts them to sleep. It owns the pool: whatever is live
 * was woken here, once, however many asked at the same time.
 */
import { describeSession } from '../core/session-metadata.js';
import type { Absence } from '../core/incarnation.js';
import { TopicEmitter } from '../core/lifecycle.js';
import { KeyedTurns } from '../core/keyed-turns.js';
import { hasLeft, isRetired } from '../core/retirement.js';
import { FileStaging } from '../core/file-staging.js';
import type { SessionInstance } from '../core/session-instance.js';
import { WarmShelf } from '../core/warm-states.js';
import { errors } from '../types/errors.js';
import type { EngineDefinition } from '../types/engine.js';
import type { SessionEvent } from '../types/events.js';
import type {
  ConditionalCall,
  ForkRequest,
  ForkResult,
  IPersistenceManager,
  ISessionManager,
  ListQuery,
  SessionChange,
  SessionList,
} from '../types/managers.js';
import type { CallContext, Principal } from '../types/operation.js';
import type { Disposable } from '../types/ports.js';
import type {
  CreateSession,
  EventPage,
  ExecuteResult,
  ISessionInstance,
  SessionMetadata,
  SessionPatch,
  SessionRecord,
} from '../types/session.js';
import { ExpiryKeeper } from './expiry-keeper.js';
import { liveSession } from './live-session.js';
import { createKey, engineOf } from './new-session.js';
import { createSession } from './session-creation.js';
import type { CreationServices } from './session-creation.js';
import { changeMetadata } from './metadata-change.js';
import { checkSessionLimits } from './session-limits.js';
import { PoolKeeper } from './pool-keeper.js';
import { assertRepeated, newSessionId } from './repeated-creation.js';
import { SessionWaking } from './session-waking.js';
import { forkAsked, reachedBy } from './fork-request.js';
import { conditionsOf } from './session-conditions.js';
import { removeSessionFolders, sessionFolders, sweepSessionFolders } from './session-folders.js';
import { workspacesOf } from './workspaces.js';
import { inactivityOf, listSessions, liveFactsOf, mayUse } from './session-listing.js';

export interface SessionManagerServices extends CreationServices {
  readonly persistence: IPersistenceManager;
}

export class SessionManager implements ISessionManager {
  private readonly events: TopicEmitter<SessionEvent>;
  private readonly keeper: PoolKeeper;
  private readonly staging: FileStaging;
  private readonly warmShelf: WarmShelf;
  private readonly expiry: ExpiryKeeper;
  private readonly waking: SessionWaking;
  private readonly changes: TopicEmitter<SessionChange>;
  /** Creating, waking and deleting one id happen one after another. */
  private readonly changing = new KeyedTurns();
  private closing = false;
  private ending: Promise<void> | null = null;

  constructor(private readonly services: SessionManagerServices) {
    this.events = new TopicEmitter(services.log);
    this.changes = new TopicEmitter(services.log);
    this.keeper = new PoolKeeper({
      ...services,
      asleep: ({ id, kind, owner }) => this.changed('hibernated', { session_id: id, kind, owner }),
    });
    this.waking = new SessionWaking(services, this.changing, (record) => this.woken(record));
    this.staging = new FileStaging(workspacesOf(services.config), services.files, services.ids);
    this.warmShelf = new WarmShelf(services.config.checkpoint.warm_total_count);
    this.expiry = new ExpiryKeeper({
      ...services,
      liveFacts: (id) => liveFactsOf(services.pool, id),
      deleteIf: (id, isDue) => this.deleteIf(id, isDue),
    });
  }

  async start(): Promise<void> {
    const { config, store, files, log } = this.services;
    await this.staging.clear();
    this.services.persistence.start();
    this.keeper.start();
    this.expiry.start();
    void sweepSessionFolders(config, store, files, log);
  }

  async createSession(request: CreateSession, call: CallContext): Promise<SessionMetadata> {
    this.assertOpen();
    const { store } = this.services;
    const key = createKey(call);
    const id = await newSessionId(request.session_id, key, this.services);
    const existing = await store.getSession(id);
    if (existing) return this.existing(existing, request, call, key);
    return this.changing.run(id, async () => {
      const raced = await store.getSession(id);
      if (raced) return this.existing(raced, request, call, key);
      return this.createNew(id, request, call, key);
    });
  }

  async getSession(id: string, principal: Principal): Promise<ISessionInstance> {
    this.assertOpen();
    const { pool } = this.services;
    const live = pool.get(id) ?? (await this.waking.wake(id));
    if (!mayUse(principal, { session_id: id, owner: live.owner })) throw errors.sessionNotFound(id);
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
    return this.describe(await this.record(id, principal));
  }

  async updateSession(id: string, patch: SessionPatch, call: ConditionalCall): Promise<SessionMetadata> {
    (await conditionsOf(this.services, id, call))();
    const changed = await changeMetadata(this.services, id, patch, (record) => this.describe(record));
    this.expiry.note(changed.expires_at);
    return changed;
  }

  async deleteSession(id: string, call: ConditionalCall): Promise<void> {
    await this.record(id, call.principal);
    await this.changing.run(id, async () => {
      const record = await this.record(id, call.principal);
      (await conditionsOf(this.services, id, call))();
      await this.remove(record);
    });
  }

  async forkSession(id: string, request: ForkRequest, call: CallContext): Promise<ForkResult> {
    this.assertOpen();
    const { store, config } = this.services;
    const key = createKey(call, 'fork', id);
    const childId = await newSessionId(request.session_id, key, this.services);
    return this.changing.run(childId, async () => {
      const existing = await store.getSession(childId);
      if (existing) {
        const reached = reachedBy(existing, request.at_seq);
        return { ...this.existing(existing, {}, call, key), live: false, not_kept: [], ...reached };
      }
      await checkSessionLimits(store, config, call.principal);
      const wanted = { id: childId, key, request, owner: call.principal.id, conditions: call };
      const source = await this.record(id, call.principal);
      const { instance, ...facts } = await forkAsked(source, wanted, this.services, {
        use: (work) => this.use(id, call.principal, work),
        conditions: () => conditionsOf(this.services, id, call),
        make: (...made) => this.instance(...made),
      });
      this.keeper.add(instance);
      this.changed('forked', { session_id: childId, kind: instance.kind, owner: instance.owner });
      return { ...(await this.getMetadata(childId, call.principal)), ...facts };
    });
  }

  async executeCommand(id: string, command: string, call: CallContext): Promise<ExecuteResult> {
    const answer = await this.use(id, call.principal, (session) =>
      session.performWrite('execute', { code: command }, call),
    );
    return answer as ExecuteResult;
  }

  listSessions(query: ListQuery, principal: Principal): Promise<SessionList> {
    return listSessions(this.services, query, principal);
  }

  async readEvents(id: string, sinceSeq: number, limit: number, principal: Principal): Promise<EventPage> {
    const record = await this.record(id, principal);
    const events =
      sinceSeq > record.head_seq ? [] : await this.services.store.readJournal(id, sinceSeq, limit);
    const last = events.at(-1)?.seq ?? sinceSeq - 1;
    return { events, head_seq: record.head_seq, next_seq: last < record.head_seq ? last + 1 : null };
  }

  async hibernate(id: string, call: ConditionalCall): Promise<SessionMetadata> {
    (await conditionsOf(this.services, id, call))();
    const live = this.services.pool.peek(id);
    if (live) await this.keeper.putToSleep(live);
    return this.getMetadata(id, call.principal);
  }

  async save(id: string, call: ConditionalCall): Promise<void> {
    (await conditionsOf(this.services, id, call))();
    await this.services.pool.peek(id)?.checkpoint('save');
    await this.services.store.sync();
  }

  async restart(id: string, keepState: boolean, call: ConditionalCall): Promise<SessionMetadata> {
    const { failure } = await this.record(id, call.principal);
    if (failure) {
      (await conditionsOf(this.services, id, call))();
      await this.services.store.updateSession(id, { failure: null });
    }
    return this.use(id, call.principal, async (session) => {
      (await conditionsOf(this.services, id, call))();
      return session.restart(keepState);
    });
  }

  saveDirtySessions(): Promise<void> {
    return this.services.persistence.saveDirtySessions();
  }
  async drain(): Promise<void> {
    this.closing = true;
    await Promise.allSettled([...this.waking.pending(), ...this.changing.pending()]);
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

  watch(listener: (change: SessionChange) => void): Disposable {
    return this.changes.on('', listener);
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
    await this.expiry.stop();
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
    const instance = await createSession({ id, request, call, key }, this.services, (...made) =>
      this.instance(...made),
    );
    this.keeper.add(instance);
    this.changed('created', { session_id: id, kind: instance.kind, owner: instance.owner });
    // What was loaded is kept before its source can change; nobody waits for it.
    if (instance.isDirty()) void this.saveNow(instance);
    const created = await this.getMetadata(id, call.principal);
    this.expiry.note(created.expires_at);
    return created;
  }

  private existing(
    record: SessionRecord,
    request: CreateSession,
    call: CallContext,
    key: string | undefined,
  ): SessionMetadata {
    assertRepeated(record, request, call, key, this.services.clock);
    return this.describe(record);
  }

  private async deleteIf(id: string, isDue: (record: SessionRecord) => boolean): Promise<boolean> {
    return this.changing.run(id, async () => {
      const record = await this.services.store.getSession(id);
      if (!record || !isDue(record)) return false;
      await this.remove(record);
      return true;
    });
  }

  /** For a caller that is alone with the id. */
  private async remove(record: SessionRecord): Promise<void> {
    const { session_id: id } = record;
    const { pool, store, files, log } = this.services;
    const live = pool.peek(id) as SessionInstance | undefined;
    pool.remove(id);
    await live?.dispose(errors.sessionNotFound(id));
    await store.deleteSession(id);
    this.changed('deleted', record);
    await removeSessionFolders(
      sessionFolders(record, this.services.config),
      files,
      log.child({ session_id: id }),
    );
  }

  private woken(record: SessionRecord): SessionInstance {
    const absence = { cause: record.asleep ?? 'server_restarted' } as const;
    const instance = this.instance(record, engineOf(this.services.engines, record.kind), absence);
    this.keeper.add(instance);
    this.changed('woken', record);
    return instance;
  }

  private instance(
    record: SessionRecord,
    definition: EngineDefinition,
    absence: Absence | null,
  ): SessionInstance {
    const owner = {
      staging: this.staging,
      warmShelf: this.warmShelf,
      ask: (id: string, operation: string, params: Readonly<Record<string, unknown>>) =>
        this.askFor(record, id, operation, params),
      publish: (event: SessionEvent) => this.events.emit(record.session_id, event),
      saveIsDue: (instance: SessionInstance) => void this.saveNow(instance),
      broken: (instance: SessionInstance) => void this.letGo(instance),
    };
    return liveSession(record, definition, this.services, owner, absence);
  }

  /** For one session's work that needs to read another one of the same owner. */
  private askFor(
    { owner }: SessionRecord,
    id: string,
    operation: string,
    params: Readonly<Record<string, unknown>>,
  ): Promise<unknown> {
    const principal = { id: owner, access: 'read' as const };
    return this.use(id, principal, (session) => session.performRead(operation, { ...params }));
  }

  private async saveNow(instance: ISessionInstance): Promise<void> {
    await this.services.persistence.saveSession(instance, 'replay cost').catch((err: unknown) => {
      if (!hasLeft(err)) this.services.log.error({ err, session_id: instance.id }, 'a checkpoint failed');
    });
  }

  private async letGo(instance: SessionInstance): Promise<void> {
    if (this.services.pool.peek(instance.id) === instance) this.services.pool.remove(instance.id);
    await instance.dispose().catch((error: unknown) => {
      this.services.log.error({ err: error, session_id: instance.id }, 'a broken session did not close');
    });
  }

  private async record(id: string, principal: Principal): Promise<SessionRecord> {
    const record = await this.services.store.getSession(id);
    if (!record || !mayUse(principal, record)) throw errors.sessionNotFound(id);
    return record;
  }

  private describe(record: SessionRecord): SessionMetadata {
    const live = liveFactsOf(this.services.pool, record.session_id);
    return describeSession(record, live, inactivityOf(this.services));
  }

  private changed(type: SessionChange['type'], of: Omit<SessionChange, 'type'>): void {
    const { session_id, kind, owner } = of;
    this.changes.emit('', { type, session_id, kind, owner });
  }

  private assertOpen(): void {
    if (this.closing) throw errors.closed('Sojourn');
  }
}
