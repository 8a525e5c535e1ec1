/** Places in the list of sessions, as opaque text: newest `created_at` first, then by id. */
import { z } from 'zod';
import { SojournError } from '../types/errors.js';
import type { SessionRecord } from '../types/session.js';
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

/** Negative when `a` comes before `b` in a list. */
export function compareForList(a: ListPlace | SessionRecord, b: ListPlace | SessionRecord): number {
  if (a.created_at !== b.created_at) return a.created_at > b.created_at ? -1 : 1;
  return a.session_id === b.session_id ? 0 : a.session_id < b.session_id ? -1 : 1;
}
