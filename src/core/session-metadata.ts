/** What clients see of a session: the stored record, and on top what only a live session knows. */
import type { SessionEvent } from '../types/events.js';
import type { InputRequest } from '../types/input.js';
import type { Rebuild, SessionMetadata, SessionRecord, SessionStatus } from '../types/session.js';

export interface LiveFacts {
  readonly status: SessionStatus;
  readonly memoryBytes: number;
  /** Milliseconds since 1970. */
  readonly lastAccess: number;
  /** What its code waits for. */
  readonly inputRequest: InputRequest | null;
  readonly lastRebuild: Rebuild | null;
}

const iso = (ms: number) => new Date(ms).toISOString();

/** When it was last used, in milliseconds since 1970; null = now, and as long as it runs. */
export function lastUse(record: SessionRecord, live: LiveFacts | null): number | null {
  if (live?.status === 'busy') return null;
  return live?.lastAccess ?? Date.parse(record.last_activity);
}

/** When what is not used counts as inactive. */
export interface Inactivity {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** 0 = never. */
  readonly afterS: number;
}

/** @param live null while the session is asleep. */
export function describeSession(
  record: SessionRecord,
  live: LiveFacts | null,
  { now, afterS }: Inactivity,
): SessionMetadata {
  const facts: LiveFacts = live ?? {
    status: 'hibernated',
    memoryBytes: 0,
    lastAccess: Date.parse(record.last_activity),
    inputRequest: null,
    lastRebuild: null,
  };
  const { lastAccess, memoryBytes: memory } = facts;
  const sleeps = facts.status !== 'hibernated' && facts.status !== 'busy' && record.timeout_s > 0;
  return {
    ...record.facts,
    session_id: record.session_id,
    name: record.name,
    kind: record.kind,
    description: record.description,
    tags: record.tags,
    status: record.failure ? 'failed' : facts.status,
    owner: record.owner,
    created_at: record.created_at,
    last_activity: iso(lastAccess),
    expires_at: record.expire_after_s > 0 ? iso(lastAccess + record.expire_after_s * 1000) : null,
    inactive: afterS > 0 && now - (lastUse(record, live) ?? now) > afterS * 1000,
    sleeps_at: sleeps ? iso(lastAccess + record.timeout_s * 1000) : null,
    timeout_s: record.timeout_s,
    head_seq: record.head_seq,
    event_count: record.head_seq + 1,
    checkpoint_count: record.checkpoint_count,
    epoch: record.epoch,
    durability: record.durability,
    recovery: record.recovery,
    isolation: record.isolation,
    options: record.options,
    memory_mb: Math.round((memory / 1024 ** 2) * 100) / 100,
    memory_bytes: memory,
    stored_bytes: record.stored_bytes,
    branch: record.branch,
    parent: record.parent,
    total_executions: record.total_executions,
    variable_count: record.variable_count,
    error: record.failure,
    input_request: facts.inputRequest,
    last_rebuild: facts.lastRebuild,
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
    warm: event.details?.warm === true,
  };
}
