/** What clients see of a session: the stored record, and on top what only a live session knows. */
import type { SessionEvent } from '../types/events.js';
import type { Rebuild, SessionMetadata, SessionRecord, SessionStatus } from '../types/session.js';

export interface LiveFacts {
  readonly status: SessionStatus;
  readonly memoryBytes: number;
  /** Milliseconds since 1970. */
  readonly lastAccess: number;
  readonly lastRebuild: Rebuild | null;
}

const iso = (ms: number) => new Date(ms).toISOString();

/** @param live null while the session is asleep. */
export function describeSession(record: SessionRecord, live: LiveFacts | null): SessionMetadata {
  const lastAccess = live?.lastAccess ?? Date.parse(record.last_activity);
  const asleep = live === null || live.status === 'hibernated';
  const sleeps = !asleep && live.status !== 'busy' && record.timeout_s > 0;
  const memory = live?.memoryBytes ?? 0;
  return {
    session_id: record.session_id,
    name: record.name,
    kind: record.kind,
    description: record.description,
    tags: record.tags,
    status: record.failure ? 'failed' : (live?.status ?? 'hibernated'),
    owner: record.owner,
    created_at: record.created_at,
    last_activity: iso(lastAccess),
    expires_at: record.expire_after_s > 0 ? iso(lastAccess + record.expire_after_s * 1000) : null,
    sleeps_at: sleeps ? iso(lastAccess + record.timeout_s * 1000) : null,
    timeout_s: record.timeout_s,
    head_seq: record.head_seq,
    event_count: record.head_seq + 1,
    checkpoint_count: record.checkpoint_count,
    epoch: record.epoch,
    durability: record.durability,
    recovery: record.recovery,
    isolation: record.isolation,
    memory_mb: Math.round((memory / 1024 ** 2) * 100) / 100,
    memory_bytes: memory,
    stored_bytes: record.stored_bytes,
    branch: record.branch,
    parent: record.parent,
    total_executions: record.total_executions,
    variable_count: record.variable_count,
    error: record.failure,
    last_rebuild: live?.lastRebuild ?? null,
  };
}

/** The sentence and the counts of an event that tells of a rebuild. */
export function summariseRebuild(event: Extract<SessionEvent, { type: 'epoch' }>): Rebuild {
  const { detail } = event.details ?? {};
  return {
    cause: event.cause,
    detail: typeof detail === 'string' ? detail : null,
    at: event.at,
    seq: event.seq,
    restored_seq: event.restored_seq,
    replayed_count: event.replayed.length,
    lost_count: event.lost.length,
    not_kept_count: event.not_kept.length,
  };
}
