/** Clients that work with one session at the same time: who is there, and which one alone may write. */
import { z } from 'zod';

export const AccessMode = { ReadOnly: 'readonly', ReadWrite: 'readwrite' } as const;
export const accessModeSchema = z.enum([AccessMode.ReadOnly, AccessMode.ReadWrite]);
export type AccessMode = z.infer<typeof accessModeSchema>;

/** Clients name themselves: the same name of another principal is another client. */
export interface ClientName {
  readonly principal: string;
  readonly clientId: string;
}

export interface ActiveClient extends ClientName {
  readonly mode: AccessMode;
  readonly acquiredAt: Date;
  /** When it counts as gone, unless it calls before. */
  readonly expiresAt: Date;
}

/** Leases on sessions. They live in memory, end by themselves, and are renewed by every call of their client. */
export interface IConcurrencyManager {
  /** Readers are always let in, a writer where no other one is. False when another client may write. */
  acquireAccess(session: string, client: ClientName, mode: AccessMode, ttlMs?: number): boolean;
  /** False when it was not there. */
  releaseAccess(session: string, client: ClientName): boolean;
  /** Ends all that a client holds, in every session: its connection is gone. */
  releaseClient(client: ClientName): void;
  getActiveClients(session: string): ActiveClient[];
  /** The `clientId` of the client that alone may write; null when each may. */
  getWriteLockHolder(session: string): string | null;
  isSessionLocked(session: string): boolean;
  /** Sessions that have clients. */
  getActiveSessionCount(): number;
  /** From reading to writing. False when it is not there, or another client may write. */
  upgradeAccess(session: string, client: ClientName): boolean;
  /** Lets the lock go and stays. False when it is not there. */
  downgradeAccess(session: string, client: ClientName): boolean;
}
