/**
 * The shares of sessions: made, listed, revoked, and told from their tokens. They are kept in the record of their
 * session and go with it; what becomes of them is in its journal.
 */
import { answersKeptMs, fingerprint } from '../../core/answer-keeper.js';
import { KeyedTurns } from '../../core/keyed-turns.js';
import { errors, isSojournError, SojournError } from '../../types/errors.js';
import type { AccessMode } from '../../types/concurrency.js';
import type { IConfig } from '../../types/config.js';
import type { SideEventBody } from '../../types/events.js';
import type { ISessionManager } from '../../types/managers.js';
import type { Principal, SessionCall } from '../../types/operation.js';
import type { Disposable, IClock, IIds, ILog } from '../../types/ports.js';
import type { EndedAccess, IAuthenticator, ShareRecord } from '../../types/sharing.js';
import type { ISessionStore } from '../../types/store.js';
import { hashOf, hasHash, shareNameOf, shareToken } from './share-token.js';
import { ShareWatch } from './share-watch.js';

export interface ShareServices {
  readonly sessions: Pick<ISessionManager, 'getMetadata' | 'use' | 'watch'>;
  readonly store: Pick<ISessionStore, 'getSession' | 'updateSession'>;
  readonly config: Pick<IConfig, 'limits'>;
  readonly clock: IClock;
  readonly ids: IIds;
  readonly log: ILog;
}

export interface NewShare {
  readonly share_id: string;
  /** Told once; nobody can find it out again. */
  readonly token: string;
  readonly mode: AccessMode;
  readonly expires_at: string | null;
}

interface Change {
  readonly shares: ShareRecord[];
  readonly event: SideEventBody;
}

/** The journal is told of the use of a share no more often. */
const useIsOldMs = 3600 * 1000;

const principalOf = ({ share_id }: Pick<ShareRecord, 'share_id'>): string => `share:${share_id}`;

export class Shares implements IAuthenticator, Disposable {
  private readonly turns = new KeyedTurns();
  private readonly watch: ShareWatch;
  /** When the journal was last told that somebody uses a share. */
  private readonly used = new Map<string, number>();
  private readonly subscriptions: Disposable[] = [];

  constructor(private readonly services: ShareServices) {
    this.watch = new ShareWatch(services.clock, services.log);
  }

  start(): void {
    const gone = this.services.sessions.watch(({ type, session_id }) => {
      if (type === 'deleted') this.watch.endSession(session_id);
    });
    const ended = this.watch.on(({ principal }) => void this.used.delete(principal));
    this.subscriptions.push(gone, ended);
  }

  dispose(): void {
    for (const subscription of this.subscriptions.splice(0)) void subscription.dispose();
    this.watch.dispose();
  }

  onEnded(listener: (ended: EndedAccess) => void): Disposable {
    return this.watch.on(listener);
  }

  /** A repetition with the same key gets the same share, and a new token in place of the one that was lost. */
  async create(wanted: { mode: AccessMode; ttlMs: number | null }, call: SessionCall): Promise<NewShare> {
    const { ids, clock, config } = this.services;
    const { session_id, principal, idempotency_key: key } = call;
    const { mode, ttlMs } = wanted;
    const create_key = key === undefined ? undefined : fingerprint([principal.id, key]);
    const secret = ids.secret();
    const made: NewShare[] = [];
    await this.change(call, (shares) => {
      const now = clock.now();
      const first = shares.find((share) => create_key !== undefined && this.isRepeated(share, create_key));
      if (first && !isAsked(first, wanted)) throw keyTaken(key);
      const { share_count: most } = config.limits;
      if (!first && shares.length >= most) throw errors.limitExceeded('Shares', 'limits.share_count', most);
      const share_id = first?.share_id ?? ids.uid();
      const token = shareToken({ session_id, share_id }, secret);
      const share: ShareRecord = first
        ? { ...first, hash: hashOf(token) }
        : {
            share_id,
            mode,
            hash: hashOf(token),
            created_at: new Date(now).toISOString(),
            created_by: principal.id,
            expires_at: ttlMs === null ? null : new Date(now + ttlMs).toISOString(),
            used_at: null,
            ...(create_key === undefined ? {} : { create_key }),
          };
      made.push({ share_id, token, mode, expires_at: share.expires_at });
      const all = first ? replaced(shares, first, share) : [...shares, share];
      return { shares: all, event: eventOf(share, 'created', principal) };
    });
    const [share] = made;
    if (!share) throw new Error('a share that was made is known');
    return share;
  }

  /** Those that hold, oldest first. @throws session_not_found */
  async list({ session_id, principal }: SessionCall): Promise<ShareRecord[]> {
    await this.services.sessions.getMetadata(session_id, principal);
    const record = await this.services.store.getSession(session_id);
    return this.holding(record?.shares);
  }

  /** False when there was none. */
  async revoke(shareId: string, call: SessionCall): Promise<boolean> {
    let isRevoked = false;
    await this.change(call, (shares) => {
      const share = shares.find(({ share_id }) => share_id === shareId);
      if (!share) return null;
      isRevoked = true;
      const others = shares.filter((other) => other !== share);
      return { shares: others, event: eventOf(share, 'revoked', call.principal) };
    });
    this.watch.end(principalOf({ share_id: shareId }));
    return isRevoked;
  }

  async principalOf(token: string): Promise<Principal | null> {
    const name = shareNameOf(token);
    if (!name) return null;
    const shares = await this.sharesOf(name.session_id);
    const share = shares.find(({ share_id }) => share_id === name.share_id);
    if (!hasHash(token, share?.hash) || !share) return null;
    const id = principalOf(share);
    const { session_id } = name;
    this.watch.add(id, session_id, share.expires_at === null ? null : Date.parse(share.expires_at));
    return { id, access: share.mode === 'readwrite' ? 'write' : 'read', session_id };
  }

  /** Has the journal know that a share is used. @throws unauthorized when it has ended */
  async noteUse(principal: Principal): Promise<void> {
    const { id, session_id } = principal;
    const { clock } = this.services;
    if (session_id === undefined || clock.now() - (this.used.get(id) ?? 0) < useIsOldMs) return;
    await this.change({ session_id, principal }, (shares) => {
      const share = shares.find((one) => principalOf(one) === id);
      if (!share) throw new SojournError('unauthorized', 'The share has ended.');
      if (clock.now() - Date.parse(share.used_at ?? '') < useIsOldMs) return null;
      const used = { ...share, used_at: new Date(clock.now()).toISOString() };
      return { shares: replaced(shares, share, used), event: eventOf(used, 'used', principal) };
    });
    this.used.set(id, clock.now());
  }

  /** Shares that have expired are left out, and go with the next change. */
  private change(
    { session_id: id, principal }: Pick<SessionCall, 'session_id' | 'principal'>,
    decide: (shares: readonly ShareRecord[]) => Change | null,
  ): Promise<void> {
    const { sessions, store } = this.services;
    return this.turns.run(id, async () => {
      await sessions.getMetadata(id, principal);
      const record = await store.getSession(id);
      if (!record) throw errors.sessionNotFound(id);
      const change = decide(this.holding(record.shares));
      if (!change) return;
      const { event, shares } = change;
      if (record.failure) {
        // Nothing can be journaled of a session that was set aside, and it may be shared no less.
        await store.updateSession(id, { shares });
        return;
      }
      await sessions.use(id, principal, (session) => session.note(record.uid, event, { shares }));
    });
  }

  private holding(shares: readonly ShareRecord[] = []): ShareRecord[] {
    const now = this.services.clock.now();
    return shares.filter(({ expires_at }) => expires_at === null || Date.parse(expires_at) > now);
  }

  private isRepeated({ create_key, created_at }: ShareRecord, key: string): boolean {
    return create_key === key && Date.parse(created_at) > this.services.clock.now() - answersKeptMs;
  }

  /** @throws storage_error, which tells nothing to whom nobody knows yet */
  private async sharesOf(sessionId: string): Promise<ShareRecord[]> {
    const record = await this.services.store.getSession(sessionId).catch((error: unknown) => {
      if (isSojournError(error, 'closed')) throw error;
      this.services.log.error({ err: error, session_id: sessionId }, 'a share could not be looked up');
      throw new SojournError('storage_error', 'The token cannot be checked now.');
    });
    return this.holding(record?.shares);
  }
}

const replaced = (all: readonly ShareRecord[], one: ShareRecord, by: ShareRecord): ShareRecord[] =>
  all.map((share) => (share === one ? by : share));

const eventOf = (
  { share_id, mode, expires_at }: ShareRecord,
  action: SideEventBody['action'],
  { id }: Principal,
): SideEventBody => ({ type: 'share', share_id, action, mode, principal: id, expires_at });

function isAsked(
  { mode, created_at, expires_at }: ShareRecord,
  wanted: { mode: AccessMode; ttlMs: number | null },
): boolean {
  const ttlMs = expires_at === null ? null : Date.parse(expires_at) - Date.parse(created_at);
  return mode === wanted.mode && ttlMs === wanted.ttlMs;
}

const keyTaken = (key: string | undefined) =>
  new SojournError('conflict', `The idempotency key '${key ?? ''}' was used for another call.`, {
    idempotency_key: key,
  });
