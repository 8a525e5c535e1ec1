/** A change of a session's metadata, which counts as a use: in its live instance, or in the store while it sleeps. */
import { isRetired } from '../core/retirement.js';
import type { IClock } from '../types/ports.js';
import type { ISessionPool, SessionMetadata, SessionPatch, SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';

export interface MetadataServices {
  readonly pool: ISessionPool;
  readonly store: ISessionStore;
  readonly clock: IClock;
}

export async function changeMetadata(
  { pool, store, clock }: MetadataServices,
  id: string,
  patch: SessionPatch,
  describe: (record: SessionRecord) => SessionMetadata,
): Promise<SessionMetadata> {
  const live = pool.peek(id);
  live?.touch();
  const used = { ...patch, last_activity: new Date(clock.now()).toISOString() };
  const stored = async () => describe(await store.updateSession(id, used));
  if (!live) return stored();
  return live.updateMetadata(used).catch((error: unknown) => {
    // It went to sleep just then.
    if (isRetired(error)) return stored();
    throw error;
  });
}
