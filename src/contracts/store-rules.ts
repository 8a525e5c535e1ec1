/** What a rule of the store contract is made of, and the sessions, events and checkpoints it is checked with. */
import assert from 'node:assert/strict';
import { isSojournError } from '../types/errors.js';
import type { ErrorCode } from '../types/errors.js';
import type { SessionEvent, SessionEventBody } from '../types/events.js';
import type { SessionRecord } from '../types/session.js';
import type { Append, CheckpointNote, CheckpointRecord, ISessionStore, PartRef } from '../types/store.js';

export interface StoreRule {
  /** A fact, in the present tense; unique in the contract. */
  readonly title: string;
  /** The store is handed over unopened. */
  readonly startsClosed?: boolean;
  /** Only for stores that outlive their process. */
  readonly needsReopen?: boolean;
  /** @param reopen closes the store and gives an open one at the same place. */
  check(store: ISessionStore, reopen: (store: ISessionStore) => Promise<ISessionStore>): Promise<void>;
}

export const at = (seconds: number): string => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();

export function record(session_id: string, changes: Partial<SessionRecord> = {}): SessionRecord {
  return {
    session_id,
    uid: 'u1234567890',
    name: `The ${session_id}`,
    kind: 'python',
    description: '',
    tags: [],
    owner: 'ada',
    created_at: at(0),
    last_activity: at(0),
    timeout_s: 3600,
    expire_after_s: 0,
    durability: 'os',
    recovery: 'replay',
    isolation: 'process',
    options: {},
    epoch: 0,
    head_seq: 0,
    stored_bytes: 0,
    checkpoint_count: 0,
    head_checkpoint: null,
    branch: 'main',
    parent: null,
    total_executions: 0,
    variable_count: null,
    failure: null,
    asleep: null,
    ...changes,
  };
}

export const event = (session_id: string, seq: number, body: SessionEventBody): SessionEvent => ({
  session_id,
  seq,
  at: at(seq),
  ...body,
});

export const created = (id: string, seq = 0): SessionEvent =>
  event(id, seq, { type: 'created', kind: 'python', owner: 'ada' });

export const text = (id: string, seq: number, said = `line ${seq}`): SessionEvent =>
  event(id, seq, { type: 'stdout', text: said });

export const input = (id: string, seq: number, idempotency_key?: string, code = 'x = 1'): SessionEvent =>
  event(id, seq, {
    type: 'input',
    operation: 'execute',
    params: { code },
    principal: 'ada',
    idempotency_key,
  });

/** An object from JSON text: the only way to an own key named `__proto__`. */
export function parsed(json: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json);
  assert.ok(typeof value === 'object' && value !== null);
  return Object.fromEntries(Object.entries(value));
}

/** Makes a session that has only its first event. */
export async function addSession(
  store: ISessionStore,
  id: string,
  changes: Partial<SessionRecord> = {},
): Promise<SessionRecord> {
  const made = record(id, changes);
  await store.createSession(made, created(id));
  return made;
}

export const append = (
  store: ISessionStore,
  session_id: string,
  events: readonly SessionEvent[],
  more: Partial<Append> = {},
): Promise<void> => store.append({ session_id, epoch: 0, events, durability: 'os', ...more });

export const forked = (id: string, from_session_id: string, from_seq: number): SessionEvent =>
  event(id, from_seq + 1, { type: 'forked', from_session_id, from_seq, live: true, not_kept: [] });

/** Forks with a record of its own for the new session. */
export const forkTo = (
  store: ISessionStore,
  source_id: string,
  id: string,
  at_seq: number,
  changes: Partial<SessionRecord> = {},
): Promise<void> =>
  store.forkSession({
    source_id,
    record: record(id, { uid: 'uforked12345', ...changes }),
    at_seq,
    event: forked(id, source_id, at_seq),
  });

/** Waits until it holds: what nothing refers to any more may go a little later. */
export async function eventually(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2000 && !holds(); turn += 1)
    await new Promise((resolve) => setImmediate(resolve));
  assert.ok(holds());
}

export function checkpoint(
  id: string,
  parts: PartRef[],
  changes: Partial<CheckpointRecord> = {},
): CheckpointRecord {
  return {
    checkpoint_id: id,
    seq: 0,
    parent: null,
    branch: 'main',
    epoch: 0,
    reason: 'interval',
    created_at: at(5),
    manifest: {},
    parts,
    not_kept: [],
    ...changes,
  };
}

export const note = (label: string, changes: Partial<CheckpointNote> = {}): CheckpointNote => ({
  label,
  description: '',
  tags: [],
  created_at: at(7),
  updated_at: at(7),
  ...changes,
});

/** Stores a part and names it. */
export async function putNamed(
  store: ISessionStore,
  name: string,
  content: string | Uint8Array,
): Promise<PartRef> {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  return { name, ...(await store.putPart(bytes)) };
}

export async function fails(work: Promise<unknown> | (() => unknown), code: ErrorCode): Promise<void> {
  let thrown: unknown = 'nothing';
  try {
    await (typeof work === 'function' ? work() : work);
  } catch (error) {
    thrown = error;
  }
  const told = thrown instanceof Error ? thrown.message : String(thrown);
  assert.ok(isSojournError(thrown, code), `expected ${code}, got ${told}`);
}

export async function failsDamaged(work: Promise<unknown>): Promise<void> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(isSojournError(error, 'storage_error'), 'expected storage_error');
  assert.equal(error.fields['damaged'], true);
}

/** The record, which must be there. */
export async function recordOf(store: ISessionStore, id: string): Promise<SessionRecord> {
  const found = await store.getSession(id);
  assert.ok(found, `no session ${id}`);
  return found;
}
