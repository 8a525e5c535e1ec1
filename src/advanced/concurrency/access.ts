/** How clients come and go: a lease to write begins when the writes that were accepted before have ended. */
import { SojournError } from '../../types/errors.js';
import { AccessMode } from '../../types/concurrency.js';
import type { ClientName } from '../../types/concurrency.js';
import type { ISessionManager } from '../../types/managers.js';
import type { SessionCall } from '../../types/operation.js';
import type { IClock } from '../../types/ports.js';
import type { ISessionPool } from '../../types/session.js';
import type { ConcurrencyManager, Lease } from './concurrency-manager.js';
import type { WriteGuard } from './write-guard.js';

export interface AccessServices {
  readonly sessions: Pick<ISessionManager, 'getMetadata'>;
  readonly pool: Pick<ISessionPool, 'peek'>;
  readonly clock: IClock;
}

export interface Wish {
  readonly mode: AccessMode;
  readonly ttlMs: number | undefined;
  /** How long what was accepted before may take. */
  readonly waitMs: number;
}

export class Access {
  constructor(
    private readonly leases: ConcurrencyManager,
    private readonly guard: WriteGuard,
    private readonly services: AccessServices,
  ) {}

  /**
   * For who may use the session.
   * @throws session_locked while another client may write · session_busy when what was accepted before does not end ·
   * forbidden · limit_exceeded · session_not_found
   */
  async attach(client: ClientName, wish: Wish, call: SessionCall): Promise<Lease> {
    const { session_id: id, principal } = call;
    if (wish.mode === AccessMode.ReadWrite && principal.access === 'read')
      throw new SojournError('forbidden', "This token reads only: attach with mode 'readonly'.", {});
    const before = this.leases.find(id, client);
    const modeBefore = before?.mode;
    const lease = this.acquire(id, client, wish);
    if (wish.mode === AccessMode.ReadWrite && modeBefore !== AccessMode.ReadWrite)
      lease.waiting = this.begin(id, lease, wish, call.signal);
    try {
      // It may have been deleted while it was asked for.
      await this.services.sessions.getMetadata(id, principal);
      await lease.waiting;
      if (this.leases.find(id, client) === lease) return lease;
      throw new SojournError('conflict', 'The client was detached meanwhile.', { session_id: id });
    } catch (error) {
      const isStill = this.leases.find(id, client) === lease;
      if (isStill && modeBefore === undefined) this.leases.releaseAccess(id, client);
      else if (isStill && modeBefore === AccessMode.ReadOnly) this.leases.downgradeAccess(id, client);
      throw error;
    }
  }

  private acquire(id: string, client: ClientName, { mode, ttlMs }: Wish): Lease {
    const isMine = this.leases.acquireAccess(id, client, mode, ttlMs);
    const lease = isMine ? this.leases.find(id, client) : undefined;
    if (lease) return lease;
    const writer = this.leases.writer(id);
    throw writer ? this.guard.locked(id, writer) : new Error('nobody is in the way of a lease');
  }

  /** From now on others may not write; resolves when their writes have ended. */
  private begin(id: string, lease: Lease, { waitMs }: Wish, signal: AbortSignal | undefined): Promise<void> {
    const ended = this.guard.underWay.ended(id).then(async () => {
      // Of some nobody waits for the end.
      await this.services.pool
        .peek(id)
        ?.writesEnded()
        .catch(() => undefined);
    });
    const begun = this.leases.during(lease, () => this.within(waitMs, signal, id, ended));
    const settled = () => {
      lease.waiting = null;
    };
    begun.then(settled, settled);
    return begun;
  }

  private async within(
    waitMs: number,
    signal: AbortSignal | undefined,
    id: string,
    work: Promise<void>,
  ): Promise<void> {
    const over = new AbortController();
    const timer = this.services.clock.setTimer(waitMs, () => over.abort());
    const given = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
    const late = new Promise<never>((_resolve, reject) => {
      const detail = 'Writes that were accepted before have not ended; the client is not attached to write.';
      const refuse = () => reject(new SojournError('session_busy', detail, { session_id: id }));
      if (given.aborted) refuse();
      else given.addEventListener('abort', refuse, { once: true });
    });
    await Promise.race([work, late]).finally(() => timer.cancel());
  }
}
