/**
 * Leases on sessions: who is attached, and who alone may write. Only memory: after a restart nobody is attached. A
 * lease ends some time after the last call of its client, and not while a call of it is under way.
 */
import { errors } from '../../types/errors.js';
import { AccessMode } from '../../types/concurrency.js';
import type { ActiveClient, ClientName, IConcurrencyManager } from '../../types/concurrency.js';
import type { Disposable, IClock, Timer } from '../../types/ports.js';

export interface Lease {
  readonly client: ClientName;
  mode: AccessMode;
  acquiredAt: number;
  expiresAt: number;
  ttlMs: number;
  /** Calls of the client that are under way. */
  calls: number;
  /** Writes that were accepted before the lease go on still. */
  waiting: Promise<void> | null;
}

interface Clients {
  readonly leases: Map<string, Lease>;
  timer: Timer | null;
}

export interface LeaseLimits {
  readonly lease_ttl_s: number;
  readonly client_count: number;
}

const keyOf = ({ principal, clientId }: ClientName): string => JSON.stringify([principal, clientId]);

export class ConcurrencyManager implements IConcurrencyManager, Disposable {
  private readonly sessions = new Map<string, Clients>();

  constructor(
    private readonly clock: IClock,
    private readonly limits: LeaseLimits,
  ) {}

  /** False when it is certain that nobody is attached; the quickest question of all. */
  has(session: string): boolean {
    return this.sessions.has(session);
  }

  /** @throws limit_exceeded */
  acquireAccess(
    session: string,
    client: ClientName,
    mode: AccessMode,
    ttlMs = this.limits.lease_ttl_s * 1000,
  ): boolean {
    const writer = this.writer(session);
    const current = this.find(session, client);
    if (mode === AccessMode.ReadWrite && writer && writer !== current) return false;
    const now = this.clock.now();
    const lease = current ?? this.admit(session, client);
    if (lease.mode !== mode) Object.assign(lease, { mode, acquiredAt: now, waiting: null });
    Object.assign(lease, { ttlMs, expiresAt: now + ttlMs });
    this.watch(session);
    return true;
  }

  releaseAccess(session: string, client: ClientName): boolean {
    const found = this.sessions.get(session);
    if (found?.leases.delete(keyOf(client)) !== true) return false;
    if (found.leases.size === 0) this.releaseSession(session);
    return true;
  }

  releaseClient(client: ClientName): void {
    for (const session of [...this.sessions.keys()]) this.releaseAccess(session, client);
  }

  /** Ends what all clients of a principal hold, who may do nothing any more. */
  releasePrincipal(principal: string): void {
    for (const session of [...this.sessions.keys()])
      for (const { client } of this.current(session))
        if (client.principal === principal) this.releaseAccess(session, client);
  }

  /** Ends all leases on a session. */
  releaseSession(session: string): void {
    this.sessions.get(session)?.timer?.cancel();
    this.sessions.delete(session);
  }

  getActiveClients(session: string): ActiveClient[] {
    return this.current(session).map((lease) => ({
      ...lease.client,
      mode: lease.mode,
      acquiredAt: new Date(lease.acquiredAt),
      expiresAt: new Date(this.endOf(lease)),
    }));
  }

  getWriteLockHolder(session: string): string | null {
    return this.writer(session)?.client.clientId ?? null;
  }

  isSessionLocked(session: string): boolean {
    return this.writer(session) !== undefined;
  }

  getActiveSessionCount(): number {
    return [...this.sessions.keys()].filter((session) => this.current(session).length > 0).length;
  }

  upgradeAccess(session: string, client: ClientName): boolean {
    const lease = this.find(session, client);
    return lease !== undefined && this.acquireAccess(session, client, AccessMode.ReadWrite, lease.ttlMs);
  }

  downgradeAccess(session: string, client: ClientName): boolean {
    const lease = this.find(session, client);
    return lease !== undefined && this.acquireAccess(session, client, AccessMode.ReadOnly, lease.ttlMs);
  }

  find(session: string, client: ClientName): Lease | undefined {
    const lease = this.sessions.get(session)?.leases.get(keyOf(client));
    return lease && !this.isOver(lease) ? lease : undefined;
  }

  /** The lease of the client that alone may write. */
  writer(session: string): Lease | undefined {
    return this.current(session).find(({ mode }) => mode === AccessMode.ReadWrite);
  }

  /** When it ends, if its client makes no further call. */
  endOf({ calls, expiresAt, ttlMs }: Lease): number {
    return calls > 0 ? Math.max(expiresAt, this.clock.now() + ttlMs) : expiresAt;
  }

  /** A call of the client: it is there as long as that is under way, and for a while after. */
  async during<T>(lease: Lease, call: () => Promise<T>): Promise<T> {
    lease.calls += 1;
    try {
      return await call();
    } finally {
      lease.calls -= 1;
      lease.expiresAt = this.clock.now() + lease.ttlMs;
    }
  }

  dispose(): void {
    for (const session of [...this.sessions.keys()]) this.releaseSession(session);
  }

  private admit(session: string, client: ClientName): Lease {
    const { client_count: most } = this.limits;
    this.sweep(session);
    const { leases } = this.sessions.get(session) ?? { leases: new Map<string, Lease>() };
    if (leases.size >= most) throw errors.limitExceeded('Attached clients', 'limits.client_count', most);
    const lease: Lease = {
      client,
      mode: AccessMode.ReadOnly,
      acquiredAt: this.clock.now(),
      expiresAt: 0,
      ttlMs: 0,
      calls: 0,
      waiting: null,
    };
    leases.set(keyOf(client), lease);
    if (!this.sessions.has(session)) this.sessions.set(session, { leases, timer: null });
    return lease;
  }

  private current(session: string): Lease[] {
    const leases = this.sessions.get(session)?.leases.values() ?? [];
    return [...leases].filter((lease) => !this.isOver(lease));
  }

  private isOver({ calls, expiresAt }: Lease): boolean {
    return calls === 0 && expiresAt <= this.clock.now();
  }

  /** Leases that are over count for nothing; this lets go of what they take. */
  private watch(session: string): void {
    const found = this.sessions.get(session);
    if (!found || found.timer) return;
    const next = Math.min(...[...found.leases.values()].map((lease) => this.endOf(lease)));
    found.timer = this.clock.setTimer(Math.max(next - this.clock.now(), 1), () => {
      found.timer = null;
      this.sweep(session);
      this.watch(session);
    });
  }

  private sweep(session: string): void {
    for (const { client } of [...(this.sessions.get(session)?.leases.values() ?? [])].filter((lease) =>
      this.isOver(lease),
    ))
      this.releaseAccess(session, client);
  }
}
