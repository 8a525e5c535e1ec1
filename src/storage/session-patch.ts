/**
 * How a session's record changes: which fields a caller may patch and which follow from the stored rows.
 * Shared by all stores, so that a patch means the same in each.
 */
import { SojournError } from '../types/errors.js';
import { sessionRecordSchema } from '../types/session.js';
import type { SessionPatch, SessionRecord } from '../types/session.js';
import { hasShape } from './journal-codec.js';

/** Fields that the store counts itself; in a patch they are passed over. */
const counted: ReadonlySet<string> = new Set(['head_seq', 'stored_bytes', 'checkpoint_count']);

/** The patch without counted and undefined fields, and without an epoch that would go down. */
export function effectivePatch(patch: SessionPatch, storedEpoch: number): SessionPatch {
  const given = Object.entries<unknown>(patch).filter(
    ([field, value]) => value !== undefined && !counted.has(field),
  );
  const effective: SessionPatch = Object.fromEntries(given);
  if (patch.epoch !== undefined && patch.epoch < storedEpoch) delete effective.epoch;
  return effective;
}

/** @throws internal when the result could not be read again */
export function patchRecord(record: SessionRecord, patch: SessionPatch): SessionRecord {
  return checkedRecord({ ...record, ...effectivePatch(patch, record.epoch) });
}

/** @throws internal: a malformed record must never be stored */
export function checkedRecord(record: SessionRecord): SessionRecord {
  const { session_id } = record;
  if (hasShape(sessionRecordSchema, record)) return record;
  throw new SojournError(
    'internal',
    `The record of session '${session_id}' is malformed; it was not stored.`,
    {
      session_id,
    },
  );
}
