/** Creating and forking may be repeated: for a day an idempotency key finds the session that it made. */
import { answersKeptMs, fingerprint } from '../core/answer-keeper.js';
import { errors } from '../types/errors.js';
import type { Principal } from '../types/operation.js';
import type { IClock, IIds } from '../types/ports.js';
import type { CreateSession, SessionRecord } from '../types/session.js';
import type { ISessionStore } from '../types/store.js';
import { mayUse } from './session-listing.js';

export interface CreationNames {
  readonly store: ISessionStore;
  readonly ids: IIds;
  readonly clock: IClock;
}

/** @param key names the creation; see `createKey` */
export async function newSessionId(
  asked: string | undefined,
  key: string | undefined,
  { store, ids, clock }: CreationNames,
): Promise<string> {
  if (asked !== undefined) return asked;
  if (key === undefined) return ids.sessionId();
  for (let name = key; ;) {
    const id = `s-${name.slice(0, 12)}`;
    const found = await store.getSession(id);
    if (found?.create_key !== key || isFresh(found, clock)) return id;
    name = fingerprint([name, found.created_at]);
  }
}

/** @throws session_exists unless it is the one that was made by this very call, or one that may be returned */
export function assertRepeated(
  record: SessionRecord,
  { if_exists }: Pick<CreateSession, 'if_exists'>,
  { principal }: { readonly principal: Principal },
  key: string | undefined,
  clock: IClock,
): void {
  const isRepeated = key !== undefined && record.create_key === key && isFresh(record, clock);
  if (mayUse(principal, record) && (isRepeated || if_exists === 'return')) return;
  throw errors.sessionExists(record.session_id);
}

const isFresh = ({ created_at }: SessionRecord, clock: IClock): boolean =>
  Date.parse(created_at) > clock.now() - answersKeptMs;
