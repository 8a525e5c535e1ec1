/** The list of sessions: who is in it, in which order, and places in it as opaque text. */
import { z } from 'zod';
import { SojournError } from '../types/errors.js';
import type { SessionRecord } from '../types/session.js';
import type { SessionQuery } from '../types/store.js';
import { parseJson } from './journal-codec.js';

export interface ListPlace {
  readonly created_at: string;
  readonly session_id: string;
}

const cursorSchema = z.tuple([z.string(), z.string()]);

export const encodeCursor = (last: ListPlace): string =>
  Buffer.from(JSON.stringify([last.created_at, last.session_id])).toString('base64url');

/** @throws invalid_params for anything that `encodeCursor` did not make */
export function decodeCursor(cursor: string): ListPlace {
  const parsed = cursorSchema.safeParse(parseJson(Buffer.from(cursor, 'base64url').toString('utf8')));
  if (!parsed.success) {
    throw new SojournError('invalid_params', 'The cursor is none that an earlier page gave.', {
      field: 'cursor',
    });
  }
  const [created_at, session_id] = parsed.data;
  return { created_at, session_id };
}

/** What hidden ids begin with: all others come before it. */
export const hiddenFrom = '~';
/** Sessions of the house are listed only when asked for. */
export const isHidden = (sessionId: string): boolean => sessionId >= hiddenFrom;

/** Negative when `a` comes before `b` in a list. */
export function compareForList(a: ListPlace | SessionRecord, b: ListPlace | SessionRecord): number {
  if (a.created_at !== b.created_at) return a.created_at > b.created_at ? -1 : 1;
  return a.session_id === b.session_id ? 0 : a.session_id < b.session_id ? -1 : 1;
}

/** True when a query without paging finds the session. */
export function matches(record: SessionRecord, query: SessionQuery): boolean {
  if (isHidden(record.session_id) !== (query.hidden ?? false)) return false;
  if (query.owner !== undefined && record.owner !== query.owner) return false;
  if (query.kind !== undefined && record.kind !== query.kind) return false;
  if (query.tag !== undefined && !record.tags.includes(query.tag)) return false;
  if (query.failed !== undefined && (record.failure !== null) !== query.failed) return false;
  return isActive(record, query) && isNamed(record, query);
}

const isActive = ({ session_id, last_activity }: SessionRecord, { active }: SessionQuery): boolean =>
  active === undefined || last_activity >= active.since || active.or_ids.includes(session_id);

const isNamed = ({ session_id }: SessionRecord, { session_ids, except_ids }: SessionQuery): boolean =>
  except_ids?.includes(session_id) !== true &&
  (session_ids === undefined || session_ids.includes(session_id));
