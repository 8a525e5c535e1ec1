/**
 * Stands around every call: while one client alone may write, the writes of others are refused. It follows the writes
 * that are under way, so that a lease can begin when they have ended.
 */
import { answersKeptMs } from '../../core/answer-keeper.js';
import { journaledKey } from '../../core/write-caller.js';
import { SojournError } from '../../types/errors.js';
import { AccessMode } from '../../types/concurrency.js';
import type { AroundCall, AskedCall } from '../../types/extension.js';
import type { ISessionManager } from '../../types/managers.js';
import type { Operation } from '../../types/operation.js';
import type { IClock } from '../../types/ports.js';
import type { ISessionStore } from '../../types/store.js';
import type { ConcurrencyManager, Lease } from './concurrency-manager.js';
import { WritesUnderWay } from './writes-under-way.js';

export interface GuardServices {
  readonly sessions: Pick<ISessionManager, 'getMetadata'>;
  readonly store: Pick<ISessionStore, 'findInput' | 'getAnswer' | 'readJournal'>;
  readonly clock: IClock;
}

const eventsAtOnce = 500;

const isHeldUp = ({ access, lease }: Operation): boolean => access !== 'read' && lease !== 'free';

export class WriteGuard {
  readonly underWay = new WritesUnderWay();

  constructor(
    private readonly leases: ConcurrencyManager,
    private readonly services: GuardServices,
  ) {}

  readonly around: AroundCall = (asked, proceed) => {
    const { operation, session_id: id } = asked;
    if (id === undefined || operation.scope !== 'session') return proceed();
    if (this.leases.has(id)) return this.guarded(id, asked, proceed);
    return isHeldUp(operation) ? this.underWay.follow(id, proceed) : proceed();
  };

  private guarded(session: string, asked: AskedCall, proceed: () => Promise<unknown>): Promise<unknown> {
    const { operation, context } = asked;
    const { principal, client_id: clientId } = context;
    const own =
      clientId === undefined ? undefined : this.leases.find(session, { principal: principal.id, clientId });
    const call = own ? () => this.leases.during(own, proceed) : proceed;
    if (!isHeldUp(operation)) return call();
    const writer = this.leases.writer(session);
    const isInTheWay = writer !== undefined && writer !== own && !mayEndWhatRuns(operation, writer);
    if (!isInTheWay && own?.mode !== AccessMode.ReadOnly) return this.underWay.follow(session, call);
    return this.refuse(session, asked, isInTheWay ? writer : undefined, proceed);
  }

  /** What has been written already is answered again. @throws session_locked · forbidden · session_not_found */
  private async refuse(
    session: string,
    asked: AskedCall,
    writer: Lease | undefined,
    proceed: () => Promise<unknown>,
  ): Promise<unknown> {
    // Who may not use the session learns nothing of its clients either.
    const { owner } = await this.services.sessions.getMetadata(session, asked.context.principal);
    if (await this.hasAnswer(session, owner, asked)) return proceed();
    throw writer ? this.locked(session, writer) : attachedToRead(session);
  }

  locked(session: string, writer: Lease): SojournError {
    const { clientId: holder } = writer.client;
    const expires_at = new Date(this.leases.endOf(writer)).toISOString();
    const detail = `Only the client '${holder}' may write now, until it detaches or makes no call before ${expires_at}.`;
    return new SojournError('session_locked', detail, { session_id: session, holder, expires_at });
  }

  private async hasAnswer(
    session: string,
    owner: string,
    { operation, idempotency_key: key, context }: AskedCall,
  ): Promise<boolean> {
    if (key === undefined) return false;
    const { store, clock } = this.services;
    const since = clock.now() - answersKeptMs;
    if (operation.answersOnce !== true) {
      const kept = await store.getAnswer(context.principal.id, key);
      return kept !== null && Date.parse(kept.created_at) > since;
    }
    const input = await store.findInput(session, journaledKey(key, context, owner));
    return input !== null && Date.parse(input.at) > since && this.hasEnded(session, input.seq);
  }

  /** One that was cut off may be run anew by its repetition, and is a write like any other. */
  private async hasEnded(session: string, inputSeq: number): Promise<boolean> {
    for (let from = inputSeq + 1; ;) {
      const events = await this.services.store.readJournal(session, from, eventsAtOnce);
      const result = events.find((event) => event.type === 'result' && event.input_seq === inputSeq);
      if (result?.type === 'result') return result.status !== 'interrupted';
      const last = events.at(-1);
      if (!last) return false;
      from = last.seq + 1;
    }
  }
}

/** The lease has not begun: what runs still may be somebody else's. */
const mayEndWhatRuns = ({ lease }: Operation, writer: Lease): boolean =>
  lease === 'running' && writer.waiting !== null;

function attachedToRead(session: string): SojournError {
  const detail = "This client is attached to read; attach with mode 'readwrite', or detach, to write.";
  return new SojournError('forbidden', detail, { session_id: session, mode: AccessMode.ReadOnly });
}
