/** Lists of sessions as their users see them: whose they are, what only live sessions know, and what is left out. */
import { describeSession } from '../core/session-metadata.js';
import type { Inactivity, LiveFacts } from '../core/session-metadata.js';
import type { IConfig } from '../types/config.js';
import type { ListQuery, SessionList } from '../types/managers.js';
import type { Principal } from '../types/operation.js';
import type { IClock } from '../types/ports.js';
import type { ISessionPool, SessionRecord } from '../types/session.js';
import type { ISessionStore, SessionQuery } from '../types/store.js';
import { statusFilter } from './status-filter.js';

export interface ListingServices {
  readonly store: ISessionStore;
  readonly pool: ISessionPool;
  readonly clock: IClock;
  readonly config: Pick<IConfig, 'session'>;
}

export async function listSessions(
  services: ListingServices,
  query: ListQuery,
  principal: Principal,
): Promise<SessionList> {
  const { store, pool } = services;
  const { status, includeInactive = false, ...rest } = query;
  const byStatus = status === undefined ? {} : statusFilter(status, pool.getAll());
  const byUse = includeInactive ? {} : activeOnly(services);
  const page = await store.listSessions({ ...rest, ...ownOf(principal), ...byStatus, ...byUse });
  const inactivity = inactivityOf(services);
  const visible = pool.getAllMetadata().filter((session) => mayUse(principal, session));
  const memory = visible.reduce((sum, session) => sum + session.memory_bytes, 0);
  return {
    sessions: page.sessions.map((record) =>
      describeSession(record, liveFactsOf(pool, record.session_id), inactivity),
    ),
    total_sessions: page.total,
    total_memory_mb: Math.round((memory / 1024 ** 2) * 100) / 100,
    next_cursor: page.next_cursor,
  };
}

/** What is stored may be older than what a live session knows of itself, above all while it runs. */
function activeOnly({ pool, clock, config }: ListingServices): Partial<SessionQuery> {
  const afterS = config.session.inactive_after_s;
  if (afterS === 0) return {};
  const active = pool.getAllMetadata().filter((session) => session.inactive !== true);
  const since = new Date(clock.now() - afterS * 1000).toISOString();
  return { active: { since, or_ids: active.map((session) => session.session_id) } };
}

export const inactivityOf = ({ clock, config }: Pick<ListingServices, 'clock' | 'config'>): Inactivity => ({
  now: clock.now(),
  afterS: config.session.inactive_after_s,
});

/** Null while the session is asleep. */
export function liveFactsOf(pool: ISessionPool, id: string): LiveFacts | null {
  const live = pool.peek(id);
  if (!live) return null;
  const { status, memory_bytes, input_request = null, last_rebuild = null } = live.getMetadata();
  return {
    status,
    memoryBytes: memory_bytes,
    lastAccess: live.getLastAccessTime(),
    inputRequest: input_request,
    lastRebuild: last_rebuild,
  };
}

/** Sessions of others do not exist for a principal without admin access, and but one for the holder of a share. */
export const mayUse = (
  principal: Principal,
  { session_id, owner }: Pick<SessionRecord, 'session_id' | 'owner'>,
): boolean =>
  principal.session_id === undefined
    ? principal.access === 'admin' || principal.id === owner
    : principal.session_id === session_id;

function ownOf({ id, access, session_id }: Principal): Partial<SessionQuery> {
  if (session_id !== undefined) return { session_ids: [session_id] };
  return access === 'admin' ? {} : { owner: id };
}
